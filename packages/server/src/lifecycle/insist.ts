import type { Clock } from "@switchyard/core";

interface InsistOptions {
  readonly clock: Clock;
  /** Milliseconds after the first call during which it is called again. */
  readonly patienceMs: number;
}

const firstWaitMs = 100;
const longestWaitMs = 1_000;

/**
 * Calls `act` again while it rejects, with growing waits, and passes the last rejection on when patience is at its end.
 * For the one write that must not be lost because the database is coming back at this moment.
 */
export async function insist(
  act: () => Promise<void>,
  { clock, patienceMs }: InsistOptions,
): Promise<void> {
  const end = clock.monotonic() + patienceMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await act();
    } catch (error) {
      if (clock.monotonic() + waitMs > end) throw error;
    }
    await new Promise<void>((resolve) => {
      clock.after(waitMs, resolve);
    });
  }
}
