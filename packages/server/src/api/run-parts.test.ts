import { expect, test } from "bun:test";
import { turn } from "@switchyard/testkit";
import { maxParallelParts, partsPerTurn, runParts } from "./run-parts.ts";

test("gives the event loop a turn while parts that complete at once are run", async () => {
  const count = 20 * maxParallelParts;
  let sinceTurn = 0;
  let most = 0;
  let over = false;
  const onTurn = (): void => {
    sinceTurn = 0;
    if (!over) setImmediate(onTurn);
  };
  onTurn();
  const results = await runParts(count, maxParallelParts, async (index) => {
    sinceTurn += 1;
    most = Math.max(most, sinceTurn);
    return index;
  });
  over = true;
  expect(results).toEqual(Array.from({ length: count }, (_, index) => index));
  // Each worker may have one under way when the turn's share is done; turns of this test fall between theirs.
  expect(most).toBeLessThanOrEqual(2 * (maxParallelParts + partsPerTurn));
});

test("starts parts in order, no more than asked for at a time, and keeps the order of the results", async () => {
  const started: number[] = [];
  let underWay = 0;
  let most = 0;
  const results = await runParts(40, 4, async (index) => {
    started.push(index);
    underWay += 1;
    most = Math.max(most, underWay);
    for (let turns = index % 3; turns > 0; turns -= 1) await turn();
    underWay -= 1;
    return `${index}`;
  });
  expect(started).toEqual(Array.from({ length: 40 }, (_, index) => index));
  expect(most).toBe(4);
  expect(results).toEqual(started.map(String));
});
