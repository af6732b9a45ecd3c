import type { Clock } from "@switchyard/core";

/**
 * When lines are due: the first at once, each other as long after it as their times say, `speed` times faster.
 * Times are taken from the start and not from line to line, so that a delay is made up for and does not add up.
 * A line with an earlier time than one before it is due with that one: the file's order is kept.
 */
export class Schedule {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #speed: number;
  #start: { readonly atMs: number; readonly timeMs: number } | undefined;
  #latestMs = Number.NEGATIVE_INFINITY;
  #earlierLines = 0;

  /** @param speed simulated seconds per second; 0: every line is due at once. */
  constructor(clock: Pick<Clock, "monotonic">, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
  }

  /** Lines whose time was before that of a line in front of them. */
  get earlierLines(): number {
    return this.#earlierLines;
  }

  /** Takes the next line's time (Unix milliseconds) and returns when it is due on the monotonic clock. */
  add(timeMs: number): number {
    this.#start ??= { atMs: this.#clock.monotonic(), timeMs };
    if (timeMs < this.#latestMs) this.#earlierLines += 1;
    this.#latestMs = Math.max(this.#latestMs, timeMs);
    return this.#speed === 0
      ? this.#start.atMs
      : this.#start.atMs + (this.#latestMs - this.#start.timeMs) / this.#speed;
  }

  /** Milliseconds until `dueAt`; zero or less when it is due. */
  waitMs(dueAt: number): number {
    return dueAt - this.#clock.monotonic();
  }

  /** Milliseconds by which a line that is sent now is late; 0 without a schedule (speed 0). */
  lagMs(dueAt: number): number {
    return this.#speed === 0 ? 0 : Math.max(0, -this.waitMs(dueAt));
  }

  /** The simulated time now, at most that of the latest line taken: Unix milliseconds. undefined before the first. */
  simulatedNow(): number | undefined {
    if (this.#start === undefined) return undefined;
    if (this.#speed === 0) return this.#latestMs;
    const passedMs = (this.#clock.monotonic() - this.#start.atMs) * this.#speed;
    return Math.min(this.#latestMs, this.#start.timeMs + passedMs);
  }
}
