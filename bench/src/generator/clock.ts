/** The generator's clock: microseconds since the process started, monotonic. Sending and receiving happen in the same process. */
export function nowMicros(): number {
  return performance.now() * 1000;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
