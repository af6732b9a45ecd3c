import { describe, expect, test } from "bun:test";
import { Histogram } from "./histogram.ts";

describe("Histogram", () => {
  test("is exact below 64", () => {
    const histogram = new Histogram();
    for (let value = 0; value < 64; value += 1) histogram.record(value);
    expect([50, 75, 100].map((percent) => histogram.percentile(percent))).toEqual([31, 47, 63]);
  });

  test("is within 1.6 % above, never too low", () => {
    for (let value = 64; value < 4_000_000_000; value = Math.floor(value * 1.013) + 1) {
      const histogram = new Histogram();
      histogram.record(value);
      histogram.record(4_200_000_000);
      const found = histogram.percentile(50);
      expect(found).toBeGreaterThanOrEqual(value);
      expect(found).toBeLessThanOrEqual(value * 1.016);
    }
  });

  test("agrees with sorting on a skewed sample", () => {
    const histogram = new Histogram();
    const values = Array.from({ length: 20_000 }, (_, index) =>
      Math.floor(((index * 7919) % 20_000) ** 2 / 100),
    );
    for (const value of values) histogram.record(value);
    values.sort((a, b) => a - b);
    for (const percent of [1, 25, 50, 90, 99, 99.9, 100]) {
      const exact = values[Math.ceil((percent / 100) * values.length) - 1] ?? 0;
      expect(histogram.percentile(percent)).toBeGreaterThanOrEqual(exact);
      expect(histogram.percentile(percent)).toBeLessThanOrEqual(exact * 1.016 + 1);
    }
  });

  test("keeps the exact maximum, clamps what is out of range, and starts anew", () => {
    const histogram = new Histogram();
    histogram.record(-5);
    histogram.record(1_000_003.7);
    expect([
      histogram.count,
      histogram.max,
      histogram.percentile(100),
      histogram.percentile(1),
    ]).toEqual([2, 1_000_003, 1_000_003, 0]);
    histogram.record(1e12);
    expect(histogram.max).toBe(0xffff_ffff);
    histogram.reset();
    expect([histogram.count, histogram.max, histogram.percentile(99)]).toEqual([0, 0, 0]);
  });
});
