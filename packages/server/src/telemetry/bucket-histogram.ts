import type { Histogram, Registry } from "prom-client";

export interface BucketHistogramOptions {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending; a value on a bound belongs to it. */
  readonly bounds: readonly number[];
}

/**
 * A histogram without labels for what happens thousands of times a second: a few comparisons and an addition, where
 * prom-client hashes and checks labels at every call. In the registry's text it looks like any other.
 */
export class BucketHistogram {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** Values by bucket; the last one has those above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor({ registry, name, help, bounds }: BucketHistogramOptions) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#counts = [...bounds, Infinity].map(() => 0);
    // `name` and `get` are all that a registry uses of a metric.
    registry.registerMetric(this as unknown as Histogram);
  }

  record(value: number): void {
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** For the registry. Buckets are cumulative there. */
  async get() {
    let count = 0;
    const values = [...this.#bounds, "+Inf"].map((le, bucket) => {
      count += this.#counts[bucket] ?? 0;
      return { metricName: `${this.name}_bucket`, labels: { le }, value: count };
    });
    return {
      name: this.name,
      help: this.#help,
      type: "histogram",
      aggregator: "sum",
      values: [
        ...values,
        { metricName: `${this.name}_sum`, labels: {}, value: this.#sum },
        { metricName: `${this.name}_count`, labels: {}, value: count },
      ],
    };
  }
}
