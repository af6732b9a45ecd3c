/** Allows `ratePerSecond` on average and as many at once. Without a timer: refilled when asked. */
export class TokenBucket {
  readonly #ratePerSecond: number;
  #tokens: number;
  #refilledAt: number;

  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = ratePerSecond;
    this.#refilledAt = nowMs;
  }

  /** `over`: more was taken than the rate allows; `flooding`: refused takes used up as much again. `nowMs` is monotonic. */
  take(nowMs: number): "ok" | "over" | "flooding" {
    const gained = ((nowMs - this.#refilledAt) / 1000) * this.#ratePerSecond;
    this.#refilledAt = nowMs;
    this.#tokens = Math.min(this.#ratePerSecond, this.#tokens + gained) - 1;
    if (this.#tokens >= 0) return "ok";
    if (this.#tokens >= -this.#ratePerSecond) return "over";
    this.#tokens = -this.#ratePerSecond;
    return "flooding";
  }

  /** True when nothing was taken for so long that dropping this bucket changes nothing. */
  isFull(nowMs: number): boolean {
    return (
      this.#tokens + ((nowMs - this.#refilledAt) / 1000) * this.#ratePerSecond >=
      this.#ratePerSecond
    );
  }
}
