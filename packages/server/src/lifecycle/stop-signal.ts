const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * One request to stop may arrive several times: a service manager signals the whole process group, and the wrapper
 * passes on what it got as well.
 */
const sameRequestMs = 1_000;

/**
 * Fulfils with the first signal that asks the process to end. Another one, a second or more later, ends it at once
 * with code 1.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    for (const signal of signals) {
      process.on(signal, () => {
        const now = performance.now();
        askedAt ??= now;
        if (now - askedAt >= sameRequestMs) process.exit(1);
        resolve(signal);
      });
    }
  });
}
