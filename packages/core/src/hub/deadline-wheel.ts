import type { Clock, Timer } from "../ports/clock.ts";

/** Something with one next deadline at a time. */
export interface Deadlined {
  /** Kept by the wheel: the tick it is filed under, -1 when in none. */
  wheelTick: number;
  onDeadline(): void;
}

/**
 * One timer for all deadlines of a node: pings, pongs, expiries. Fires up to one tick late, never early.
 * Scheduling costs two set operations; an idle wheel costs one empty lookup a tick.
 */
export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #ticks = new Map<number, Set<Deadlined>>();
  #next: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, tickMs = 100) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#next = this.#tickAt(clock.monotonic());
  }

  /** Items with a deadline. Costs one look at each tick in use: a few hundred. */
  get size(): number {
    let size = 0;
    for (const items of this.#ticks.values()) size += items.size;
    return size;
  }

  start(): void {
    this.#timer = this.#clock.after(this.#tickMs, () => {
      this.#turn();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Replaces the item's deadline. `at`: monotonic ms. */
  schedule(item: Deadlined, at: number): void {
    const tick = Math.max(this.#tickAt(at) + 1, this.#next);
    if (tick === item.wheelTick) return;
    this.cancel(item);
    item.wheelTick = tick;
    const items = this.#ticks.get(tick);
    if (items) items.add(item);
    else this.#ticks.set(tick, new Set([item]));
  }

  cancel(item: Deadlined): void {
    if (item.wheelTick < 0) return;
    const items = this.#ticks.get(item.wheelTick);
    items?.delete(item);
    if (items?.size === 0) this.#ticks.delete(item.wheelTick);
    item.wheelTick = -1;
  }

  /** Fires all that is due, however late the timer came. */
  #turn(): void {
    const now = this.#tickAt(this.#clock.monotonic());
    while (this.#next <= now) {
      const tick = this.#next;
      this.#next += 1;
      const items = this.#ticks.get(tick);
      if (!items) continue;
      this.#ticks.delete(tick);
      for (const item of items) {
        // Cancelled or filed elsewhere by one that fired before it.
        if (item.wheelTick !== tick) continue;
        item.wheelTick = -1;
        item.onDeadline();
      }
    }
  }

  #tickAt(monotonicMs: number): number {
    return Math.floor(monotonicMs / this.#tickMs);
  }
}
