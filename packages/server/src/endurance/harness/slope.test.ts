import { expect, test } from "bun:test";
import { SeededRandom } from "@switchyard/testkit";
import { floors, growthPerSecond } from "./slope.ts";

const mebibyte = 1_048_576;

/** Forty seconds of a heap of 30 MiB that is collected every second or so, plus a leak. */
function sawtooth(leakPerSecond: number, seed: number) {
  const random = new SeededRandom(seed);
  let garbage = 0;
  return Array.from({ length: 80 }, (_, index) => {
    const seconds = index / 2;
    garbage = random.chance(0.4) ? 0 : garbage + random.next() * 3 * mebibyte;
    return { seconds, bytes: 30 * mebibyte + garbage + leakPerSecond * seconds };
  });
}

test("garbage that is collected is no growth; a leak beneath it is", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const growth = (leak: number): number => growthPerSecond(floors(sawtooth(leak, seed), 4));
    expect(Math.abs(growth(0))).toBeLessThan(0.02 * mebibyte);
    // The leak is ten times smaller than the garbage around it.
    expect(growth(0.1 * mebibyte)).toBeGreaterThan(0.08 * mebibyte);
    expect(growth(0.1 * mebibyte)).toBeLessThan(0.12 * mebibyte);
  }
});

test("one burst does not count, a straight line does, and too few samples are flat", () => {
  const flat = Array.from({ length: 20 }, (_, seconds) => ({ seconds, bytes: 100 }));
  expect(growthPerSecond(flat.with(10, { seconds: 10, bytes: 1e9 }))).toBe(0);
  expect(growthPerSecond(flat.map(({ seconds }) => ({ seconds, bytes: 7 * seconds })))).toBe(7);
  expect(growthPerSecond([])).toBe(0);
  expect(growthPerSecond([{ seconds: 1, bytes: 1 }])).toBe(0);
});
