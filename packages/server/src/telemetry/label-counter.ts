import { Counter, type Registry } from "prom-client";

export interface LabelCounterOptions {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  /** The name of its one label. */
  readonly label: string;
}

/**
 * A counter with one label for what happens thousands of times a second: an addition, where prom-client hashes and
 * checks labels at every call. The sums go to prom-client when somebody asks.
 */
export class LabelCounter {
  readonly #sums = new Map<string, { count: number }>();

  constructor({ registry, name, help, label }: LabelCounterOptions) {
    const sums = this.#sums;
    const metric = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect() {
        this.reset();
        for (const [value, { count }] of sums) this.inc({ [label]: value }, count);
      },
    });
    registry.registerMetric(metric);
  }

  /** `value`: of the label; they must be few. */
  add(value: string, count = 1): void {
    const sum = this.#sums.get(value);
    if (sum) sum.count += count;
    else this.#sums.set(value, { count });
  }
}
