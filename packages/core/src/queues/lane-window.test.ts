import { expect, test } from "bun:test";
import type { Message } from "./message.ts";
import { LaneWindow } from "./lane-window.ts";

/** What a window looks at. */
function message(seq: number): Message {
  // A window knows nothing else of a message.
  return { seq, footprint: 10 } as Message;
}

function takeAll(lane: LaneWindow): number[] {
  const seqs: number[] = [];
  for (let next = lane.take(); next; next = lane.take()) seqs.push(next.seq);
  return seqs;
}

test("what is given back is taken before what is fresh, by seq", () => {
  const lane = new LaneWindow(0, 0);
  for (const seq of [1, 2, 3, 4, 5]) lane.enter(message(seq), true);
  const taken = [lane.take(), lane.take(), lane.take()].map((one) => one?.seq);
  expect(taken).toEqual([1, 2, 3]);
  lane.giveBack(message(3));
  lane.giveBack(message(1));
  expect({ size: lane.size, bytes: lane.bytes }).toEqual({ size: 4, bytes: 40 });
  expect(takeAll(lane)).toEqual([1, 3, 4, 5]);
  expect({ size: lane.size, bytes: lane.bytes }).toEqual({ size: 0, bytes: 0 });
});

test("while something is left to the store, what comes is left there too, so that the order holds", () => {
  const lane = new LaneWindow(0, 0);
  expect(lane.enter(message(1), true)).toBe(true);
  expect(lane.enter(message(2), false)).toBe(false);
  expect(lane.enter(message(3), true)).toBe(false);
  expect(takeAll(lane)).toEqual([1]);
  expect(lane.hasMore).toBe(true);
  lane.loaded([message(2)], undefined);
  expect(lane.hasMore).toBe(true);
  lane.loaded([message(3)], undefined);
  expect(lane.hasMore).toBe(false);
  expect(lane.enter(message(4), true)).toBe(true);
  expect(takeAll(lane)).toEqual([2, 3, 4]);
});

test("a load that finds nothing is the end, up to where the lane reached when it began", () => {
  const lane = new LaneWindow(0, 5);
  lane.enter(message(6), true);
  lane.loaded([], 5);
  expect({ cursor: lane.cursor, hasMore: lane.hasMore }).toEqual({ cursor: 5, hasMore: true });
  lane.loaded([message(6)], undefined);
  expect(lane.hasMore).toBe(false);
});

test("one that was taken out of the store past the window is not loaded, and is forgotten after", () => {
  const lane = new LaneWindow(0, 3);
  expect([lane.skip(2), lane.skip(2), lane.skip(4)]).toEqual([true, false, false]);
  expect([lane.has(1), lane.has(2)]).toEqual([true, false]);
  lane.loaded([message(1), message(2), message(3)], undefined);
  expect(takeAll(lane)).toEqual([1, 3]);
  expect(lane.skip(2)).toBe(false);
});

test("one that is put back past the window waits for those before it", () => {
  const lane = new LaneWindow(0, 3);
  lane.skip(2);
  lane.giveBack(message(2));
  expect(lane.peek()).toBeUndefined();
  expect(lane.take()).toBeUndefined();
  lane.loaded([message(1), message(2), message(3)], undefined);
  expect(takeAll(lane)).toEqual([1, 2, 3]);
});

test("a purge takes what is in memory and passes over the rest; a load under way is worthless", () => {
  const lane = new LaneWindow(0, 9);
  lane.loaded([message(1), message(2)], undefined);
  lane.take();
  lane.giveBack(message(1));
  const { generation } = lane;
  expect(lane.clear().map(({ seq }) => seq)).toEqual([1, 2]);
  expect({ size: lane.size, bytes: lane.bytes, cursor: lane.cursor }).toEqual({
    size: 0,
    bytes: 0,
    cursor: 9,
  });
  expect(lane.generation).toBe(generation + 1);
});

test("taken out of the middle, fresh or given back", () => {
  const lane = new LaneWindow(0, 0);
  for (const seq of [1, 2, 3, 4]) lane.enter(message(seq), true);
  lane.take();
  lane.take();
  lane.giveBack(message(1));
  lane.giveBack(message(2));
  expect([lane.remove(3)?.seq, lane.remove(1)?.seq, lane.remove(9)]).toEqual([3, 1, undefined]);
  expect(lane.bytes).toBe(20);
  expect(takeAll(lane)).toEqual([2, 4]);
});
