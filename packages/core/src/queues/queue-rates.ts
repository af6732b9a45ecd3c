import type { Clock } from "../ports/clock.ts";
import type { QueueCounts, QueueRates } from "./broker-operations.ts";
import type { QueueHome } from "./queue-home.ts";

interface Sample {
  readonly counts: QueueCounts;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly rates: QueueRates;
}

const spanMs = 5_000;
const idle: QueueRates = { published: 0, delivered: 0, acknowledged: 0 };

/** Messages per second of each queue, from its counts at two looks. Costs nothing while nobody looks but a timer. */
export class RateMeter {
  readonly #clock: Clock;
  readonly #samples = new WeakMap<QueueHome, Sample>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Called every `RateMeter.everyMs`. */
  sample(homes: Iterable<QueueHome>): void {
    const at = this.#clock.monotonic();
    for (const home of homes) {
      const { counts } = home;
      const last = this.#samples.get(home);
      const rates = last ? ratesBetween(last, counts, at) : idle;
      this.#samples.set(home, { counts, at, rates });
    }
  }

  /** Over the last five seconds that are over. */
  of(home: QueueHome): QueueRates {
    return this.#samples.get(home)?.rates ?? idle;
  }

  static readonly everyMs = spanMs;
}

function ratesBetween(last: Sample, counts: QueueCounts, at: number): QueueRates {
  const seconds = (at - last.at) / 1_000;
  const rate = (name: keyof QueueRates): number =>
    seconds > 0 ? Math.round(((counts[name] - last.counts[name]) / seconds) * 10) / 10 : 0;
  return {
    published: rate("published"),
    delivered: rate("delivered"),
    acknowledged: rate("acknowledged"),
  };
}
