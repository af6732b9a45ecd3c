/** Counts what happens per second, over the last `seconds` whole seconds. Times are milliseconds that only grow. */
export class RateSeries {
  readonly #seconds: number;
  #counts: number[];
  #second: number;

  constructor(seconds: number, now: number) {
    this.#seconds = seconds;
    this.#counts = Array.from({ length: seconds + 1 }, () => 0);
    this.#second = Math.floor(now / 1_000);
  }

  count(now: number): void {
    this.#advance(now);
    this.#counts[this.#seconds] = (this.#counts[this.#seconds] ?? 0) + 1;
  }

  /** Oldest first; the last is the second that has just ended. The one under way would always look like a fall. */
  perSecond(now: number): readonly number[] {
    this.#advance(now);
    return this.#counts.slice(0, this.#seconds);
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1_000);
    const passed = Math.min(second - this.#second, this.#seconds + 1);
    if (passed <= 0) return;
    this.#counts = [...this.#counts.slice(passed), ...Array.from({ length: passed }, () => 0)];
    this.#second = second;
  }
}
