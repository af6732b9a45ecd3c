import type { Clock, Timer } from "@switchyard/core";
import { turn } from "./turn.ts";

interface PendingTimer {
  readonly at: number;
  run: (() => void) | undefined;
}

/**
 * A clock whose millisecond is one turn of the event loop. Delays on it pass by themselves and without waiting, and
 * for one sequence of calls in the same order every time. It moves only while a timer is pending.
 */
export class TurnClock implements Clock {
  #turns = 0;
  #timers: PendingTimer[] = [];
  #ticking = false;

  now(): number {
    return this.#turns;
  }

  monotonic(): number {
    return this.#turns;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer: PendingTimer = { at: this.#turns + Math.max(1, Math.ceil(delayMs)), run };
    this.#timers.push(timer);
    this.#tick();
    return {
      cancel: () => {
        timer.run = undefined;
      },
    };
  }

  /** Fulfils when no timer is left, including those set meanwhile. */
  async idle(): Promise<void> {
    do await turn();
    while (this.#timers.length > 0);
  }

  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#turns += 1;
      const due = this.#timers.filter((timer) => timer.at <= this.#turns);
      this.#timers = this.#timers.filter(
        (timer) => timer.at > this.#turns && timer.run !== undefined,
      );
      if (this.#timers.length > 0) this.#tick();
      for (const timer of due) timer.run?.();
    });
  }
}
