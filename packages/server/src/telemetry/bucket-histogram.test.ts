import { expect, test } from "bun:test";
import { Histogram, Registry } from "prom-client";
import { BucketHistogram } from "./bucket-histogram.ts";

const described = { name: "wait_seconds", help: "A wait." };
const bounds = [0.001, 0.01, 2.5];

test("its text is that of prom-client's own, also for values on a bound and above all", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const histogram = new BucketHistogram({ ...described, registry: ours, bounds });
  const reference = new Histogram({ ...described, registers: [theirs], buckets: bounds });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  for (const value of [0, 0.001, 0.0011, 0.01, 1, 2.5, 2.6, 1_000, 0.3]) {
    histogram.record(value);
    reference.observe(value);
  }
  expect(await ours.metrics()).toContain('wait_seconds_bucket{le="0.001"} 2\n');
  expect(await ours.metrics()).toBe(await theirs.metrics());
});
