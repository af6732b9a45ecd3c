import type { Clock, Timer } from "../ports/clock.ts";

/** Runs `tick` every `intervalMs` on one timer: the whole bus has this one, however much it holds. */
export class ExpirySweep {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #tick: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, intervalMs: number, tick: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#tick = tick;
  }

  start(): void {
    this.#timer = this.#clock.after(this.#intervalMs, () => {
      this.start();
      this.#tick();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
