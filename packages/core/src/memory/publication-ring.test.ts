import { expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import type { Publication } from "../channels/publication.ts";
import { PublicationRing } from "./publication-ring.ts";

const publication = (offset: number): Publication => ({
  data: toJsonText(offset),
  offset,
  id: `e:${offset}`,
  info: undefined,
  tags: undefined,
  publishedAt: 0,
});

const offsets = (ring: PublicationRing): (number | undefined)[] =>
  Array.from({ length: ring.count }, (_, index) => ring.at(index)?.offset);

test("takes room as it grows and gives it back as it shrinks", () => {
  const ring = new PublicationRing();
  expect(ring.capacity).toBe(0);
  ring.push(publication(1), 10);
  ring.push(publication(2), 10);
  expect(ring.capacity).toBe(4);
  for (let n = 3; n <= 1_000; n += 1) ring.push(publication(n), 10);
  expect(ring.capacity).toBe(1_024);
  for (let n = 1_001; n <= 100_000; n += 1) {
    ring.push(publication(n), 10);
    ring.trimTo(1_000);
  }
  expect(ring.capacity).toBe(1_024);
  expect(ring.trimTo(10)).toBe(990);
  expect(ring.capacity).toBeLessThanOrEqual(512);
  expect(ring.dropEnded(10, 1)).toBe(10);
  expect(ring.capacity).toBe(0);
});

test("ends the older ones with a newer one that ends before them", () => {
  const ring = new PublicationRing();
  ring.push(publication(1), 100);
  ring.push(publication(2), 200);
  ring.push(publication(3), 150);
  ring.push(publication(4), 300);
  expect([0, 1, 2, 3, 4].map((index) => ring.endsAt(index))).toEqual([
    100,
    150,
    150,
    300,
    Infinity,
  ]);
  expect(ring.dropEnded(99, Infinity)).toBe(0);
  expect(ring.dropEnded(150, 1)).toBe(1);
  expect(offsets(ring)).toEqual([2, 3, 4]);
  expect(ring.dropEnded(150, Infinity)).toBe(2);
  expect(offsets(ring)).toEqual([4]);
});

for (const seed of fuzzSeeds(20)) {
  test(`behaves as a plain list, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const ring = new PublicationRing();
    let list: { offset: number; endsAt: number }[] = [];
    let now = 0;
    for (let n = 1; n <= 2_000; n += 1) {
      now += random.int(5);
      const choice = random.next();
      if (choice < 0.8) {
        const endsAt = now + random.int(60);
        ring.push(publication(n), endsAt);
        list = [
          ...list.map((one) => ({ ...one, endsAt: Math.min(one.endsAt, endsAt) })),
          { offset: n, endsAt },
        ];
      } else if (choice < 0.9) {
        const size = random.int(40);
        expect(ring.trimTo(size)).toBe(Math.max(0, list.length - size));
        list = list.slice(Math.max(0, list.length - size));
      } else if (choice < 0.99) {
        const left = list.filter(({ endsAt }) => endsAt > now);
        expect(ring.dropEnded(now, Infinity)).toBe(list.length - left.length);
        list = left;
      } else {
        expect(ring.clear()).toBe(list.length);
        list = [];
      }
      expect(offsets(ring)).toEqual(list.map(({ offset }) => offset));
    }
  });
}
