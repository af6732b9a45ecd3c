import { expect, test } from "bun:test";
import { SeededRandom } from "./seeded-random.ts";

test("draws the same from the same seed and something else from another", () => {
  const draws = (seed: number): unknown[] => {
    const random = new SeededRandom(seed);
    return [
      random.next(),
      random.int(1_000),
      random.uuid(),
      random.shuffle([1, 2, 3, 4, 5]),
      random.fork().next(),
    ];
  };
  expect(draws(7)).toEqual(draws(7));
  expect(draws(7)).not.toEqual(draws(8));
});

test("draws uniformly", () => {
  const random = new SeededRandom(1);
  const counts = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const first = [0, 0, 0];
  for (let i = 0; i < 30_000; i += 1) {
    const draw = random.next();
    expect(draw >= 0 && draw < 1).toBe(true);
    counts[Math.floor(draw * 10)] = (counts[Math.floor(draw * 10)] ?? 0) + 1;
    const top = random.shuffle([0, 1, 2])[0] ?? 0;
    first[top] = (first[top] ?? 0) + 1;
  }
  // Six standard deviations: 310 and 490.
  for (const count of counts) expect(Math.abs(count - 3_000)).toBeLessThan(310);
  for (const count of first) expect(Math.abs(count - 10_000)).toBeLessThan(490);
  expect(random.chance(0)).toBe(false);
  expect(random.chance(1)).toBe(true);
  expect(random.pick(["only"])).toBe("only");
  expect(() => random.pick([])).toThrow(RangeError);
});

test("makes version 4 UUIDs that differ", () => {
  const random = new SeededRandom(2);
  const uuids = Array.from({ length: 1_000 }, () => random.uuid());
  expect(new Set(uuids).size).toBe(1_000);
  for (const uuid of uuids)
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
