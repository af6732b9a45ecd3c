import type { Clock } from "../ports/clock.ts";

/**
 * The store's clock as this node knows it, advanced by the monotonic clock between two looks: stored deadlines follow
 * PostgreSQL's time, whatever the node's wall clock does.
 */
export class StoreClock {
  readonly #clock: Clock;
  #offset = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** The store said `storeNow` just now. */
  set(storeNow: number): void {
    this.#offset = storeNow - this.#clock.monotonic();
  }

  /** Unix milliseconds. */
  now(): number {
    return Math.floor(this.#offset + this.#clock.monotonic());
  }
}
