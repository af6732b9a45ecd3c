const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Fulfils with the first signal that asks the process to end. A second one ends it at once, with code 1. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of signals) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}
