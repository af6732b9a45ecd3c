import type { Clock, Timer } from "@switchyard/core";
import { turn } from "./turn.ts";

interface PendingTimer {
  readonly at: number;
  readonly run: () => void;
}

/**
 * A clock that stands still until a test moves it. Timers run in the order of their times; those of one time in the
 * order in which they were set. One that is set while the clock moves runs in the same move when it falls due in it.
 */
export class FakeClock implements Clock {
  /** Sorted by time, later ones of one time behind. */
  readonly #timers: PendingTimer[] = [];
  #elapsed = 0;
  #wallStart: number;

  /** @param wallStart wall clock at the start, Unix milliseconds; default 2023-11-14T22:13:20Z. */
  constructor(wallStart = 1_700_000_000_000) {
    this.#wallStart = wallStart;
  }

  /** Timers that are set and have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#wallStart + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  setWall(unixMs: number): void {
    this.#wallStart = unixMs - this.#elapsed;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer: PendingTimer = { at: this.#elapsed + Math.max(0, delayMs), run };
    this.#timers.splice(this.#firstAfter(timer.at), 0, timer);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index !== -1) this.#timers.splice(index, 1);
      },
    };
  }

  /**
   * Moves by `ms` and runs the timers that fall due. Before the first timer, after each and at the end all promise
   * reactions run that are ready (one turn of the event loop), so that code that awaits between timers keeps its times.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await turn();
    while (this.#runNext(until)) await turn();
    this.#elapsed = Math.max(this.#elapsed, until);
  }

  /** As `advance`, synchronously: promise reactions run only after it has returned. */
  advanceNow(ms: number): void {
    const until = this.#elapsed + ms;
    while (this.#runNext(until));
    this.#elapsed = Math.max(this.#elapsed, until);
  }

  #runNext(until: number): boolean {
    const next = this.#timers[0];
    if (next === undefined || next.at > until) return false;
    this.#timers.shift();
    // Not backwards: two moves may overlap when the first was not awaited.
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.run();
    return true;
  }

  #firstAfter(at: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#timers[middle]?.at ?? Infinity) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
