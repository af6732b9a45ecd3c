import type { Clock } from "@switchyard/core";

/** The process' own time. */
export const systemClock: Clock = {
  // Date.now follows the system's clock when that is set; performance.timeOrigin would not.
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
