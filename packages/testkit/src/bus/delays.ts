import type { Clock } from "@switchyard/core";
import type { SeededRandom } from "../random/seeded-random.ts";

export interface DelayOptions {
  /** Where delays pass: a `FakeClock` that the test moves, or a `TurnClock` that moves by itself. */
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Longest single delay, in the clock's milliseconds. Default 5. */
  readonly maxDelayMs?: number | undefined;
}

/** Seeded delays, and lanes in which order is kept whatever the delays are. */
export class Delays {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #maxDelayMs: number;
  readonly #lanes = new Map<string, Promise<void>>();

  constructor({ clock, random, maxDelayMs }: DelayOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#maxDelayMs = maxDelayMs ?? 5;
  }

  /** Fulfils after 0 … `maxDelayMs`; a fifth of the time without any timer. */
  pass(): Promise<void> {
    if (this.#random.chance(0.2)) return Promise.resolve();
    const delayMs = this.#random.int(this.#maxDelayMs + 1);
    return new Promise((resolve) => {
      this.#clock.after(delayMs, resolve);
    });
  }

  /** Calls `run` after a delay of its own, and after all that entered `lane` before. `run` must not throw. */
  async inLane(lane: string, run: () => void): Promise<void> {
    const before = this.#lanes.get(lane);
    const mine = Promise.all([before, this.pass()]).then(run);
    this.#lanes.set(lane, mine);
    await mine;
    if (this.#lanes.get(lane) === mine) this.#lanes.delete(lane);
  }

  /** Issues `operation` after a delay and settles as it does after another; other calls overtake on both ways. */
  async around<Result>(operation: () => Promise<Result>): Promise<Result> {
    await this.pass();
    return await this.#answered(operation);
  }

  /** As `around`, but issued in the order of the calls with this `lane`. Answers still overtake each other. */
  async aroundInLane<Result>(lane: string, operation: () => Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    await this.inLane(lane, () => {
      this.#answered(operation).then(resolve, reject);
    });
    return await promise;
  }

  async #answered<Result>(operation: () => Promise<Result>): Promise<Result> {
    try {
      return await operation();
    } finally {
      await this.pass();
    }
  }
}
