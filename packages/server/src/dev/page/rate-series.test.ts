import { expect, test } from "bun:test";
import { RateSeries } from "./rate-series.ts";

test("counts whole seconds, the last one that has ended at the end", () => {
  const series = new RateSeries(3, 0);
  for (const at of [0, 500, 1_100, 2_999]) series.count(at);
  expect(series.perSecond(2_999)).toEqual([0, 2, 1]);
  expect(series.perSecond(3_000)).toEqual([2, 1, 1]);
  expect(series.perSecond(4_000)).toEqual([1, 1, 0]);
});

test("a pause longer than the series leaves nothing of what was before", () => {
  const series = new RateSeries(3, 0);
  series.count(10);
  expect(series.perSecond(1_000_000)).toEqual([0, 0, 0]);
  series.count(1_000_000);
  expect(series.perSecond(1_001_000)).toEqual([0, 0, 1]);
});
