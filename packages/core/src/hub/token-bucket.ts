/**
 * Allows `ratePerSecond` on average and as many at once. What is refused uses up nothing of the rate: a caller above
 * it still gets the rate. Without a timer: refilled when asked.
 */
export class TokenBucket {
  readonly #ratePerSecond: number;
  #tokens: number;
  /** Refusals that are borne before it is called flooding; they come back at the same rate. */
  #patience: number;
  #refilledAt: number;

  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = ratePerSecond;
    this.#patience = ratePerSecond;
    this.#refilledAt = nowMs;
  }

  /** `over`: more than the rate allows; `flooding`: for long more than twice of it. `nowMs` is monotonic. */
  take(nowMs: number): "ok" | "over" | "flooding" {
    const gained = this.#gained(nowMs);
    this.#refilledAt = nowMs;
    this.#tokens = Math.min(this.#ratePerSecond, this.#tokens + gained);
    this.#patience = Math.min(this.#ratePerSecond, this.#patience + gained);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return "ok";
    }
    if (this.#patience < 1) return "flooding";
    this.#patience -= 1;
    return "over";
  }

  /** True when nothing was taken for so long that dropping this bucket changes nothing. */
  isFull(nowMs: number): boolean {
    return Math.min(this.#tokens, this.#patience) + this.#gained(nowMs) >= this.#ratePerSecond;
  }

  #gained(nowMs: number): number {
    return ((nowMs - this.#refilledAt) / 1000) * this.#ratePerSecond;
  }
}
