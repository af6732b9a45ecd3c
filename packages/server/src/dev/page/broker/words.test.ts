import { expect, test } from "bun:test";
import { ageText, countOf, rateText, shortCount, shorten } from "./words.ts";

test("counts, rates and ages are short", () => {
  expect([0, 1, 1_234].map((count) => countOf(count, "queue"))).toEqual([
    "0 queues",
    "1 queue",
    "1,234 queues",
  ]);
  expect([0, 9_999, 10_000, 99_990, 999_999, 1_000_000, 45_678_901].map(shortCount)).toEqual([
    "0",
    "9,999",
    "10k",
    "99.9k",
    "999.9k",
    "1M",
    "45.6M",
  ]);
  expect([undefined, 0, 0.25, 9.96, 12.4, 12_345].map(rateText)).toEqual([
    "–",
    "0",
    "0.3",
    "10.0",
    "12",
    "12.3k",
  ]);
  expect([0, 999, 119_999, 120_000, 7_200_000, 172_800_000].map(ageText)).toEqual([
    "0 s",
    "0 s",
    "119 s",
    "2 min",
    "2 h",
    "2 d",
  ]);
  expect([shorten("abc", 3), shorten("abcd", 3)]).toEqual(["abc", "ab…"]);
});
