import { expect, test } from "bun:test";
import { SeededRandom } from "@switchyard/testkit";
import { SmallMap } from "./small-map.ts";

test("does what a Map does, small and large", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 50; round += 1) {
    const map = new Map<number, number>();
    const small = new SmallMap<number, number>();
    for (let step = 0; step < 60; step += 1) {
      const key = random.int(14);
      if (random.chance(0.4)) {
        expect(small.delete(key)).toBe(map.delete(key));
      } else {
        map.set(key, step);
        small.set(key, step);
      }
      expect(small.size).toBe(map.size);
      expect(new Map(small.entries())).toEqual(map);
    }
  }
});
