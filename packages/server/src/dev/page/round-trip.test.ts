import { expect, test } from "bun:test";
import { formatMs, RecentTimes } from "./round-trip.ts";

test("keeps the latest times and tells their median", () => {
  const times = new RecentTimes(3);
  expect(times.add(5)).toEqual({ last: 5, median: 5, all: [5] });
  times.add(1);
  expect(times.add(9)).toEqual({ last: 9, median: 5, all: [5, 1, 9] });
  expect(times.add(2)).toEqual({ last: 2, median: 2, all: [1, 9, 2] });
});

test("shows no more digits than a time has", () => {
  expect([0.04, 0.44, 9.94, 12.3, 1_234.5].map(formatMs)).toEqual([
    "0.0 ms",
    "0.4 ms",
    "9.9 ms",
    "12 ms",
    "1235 ms",
  ]);
});
