import type { Clock } from "@switchyard/core";
import { ReplayError } from "./replay-error.ts";
import { sleep } from "./sleep.ts";

const firstDelayMs = 100;
const longestDelayMs = 5_000;

export interface BackOffOptions {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Time without any success after which `wait` gives up. */
  readonly giveUpAfterMs: number;
  /** Called before each wait. */
  readonly onRetry: (reason: string) => void;
}

/** Waits between attempts: 100 ms, doubled up to 5 s, until something succeeds or the time is over. */
export class BackOff {
  readonly #options: BackOffOptions;
  #failingSince: number | undefined;
  #delayMs = firstDelayMs;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  succeeded(): void {
    this.#failingSince = undefined;
    this.#delayMs = firstDelayMs;
  }

  /** Waits before the next attempt; the last one comes when the time is just over. Throws `ReplayError` after that, or the signal's reason. */
  async wait(reason: string, signal: AbortSignal): Promise<void> {
    const { clock, giveUpAfterMs, onRetry } = this.#options;
    const now = clock.monotonic();
    this.#failingSince ??= now;
    const leftMs = this.#failingSince + giveUpAfterMs - now;
    if (leftMs <= 0)
      throw new ReplayError(
        `The server could not be reached for ${giveUpAfterMs / 1_000} s (${reason})`,
      );
    onRetry(reason);
    const delayMs = Math.min(this.#delayMs, leftMs);
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs);
    await sleep(clock, delayMs, signal);
  }
}
