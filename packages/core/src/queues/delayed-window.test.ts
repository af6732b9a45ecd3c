import { expect, test } from "bun:test";
import { DelayedWindow } from "./delayed-window.ts";
import type { Message } from "./message.ts";

function message(deliverAt: number, seq: number): Message {
  // A window knows nothing else of a message.
  return { deliverAt, seq } as Message;
}

function takeDue(window: DelayedWindow, now: number): number[] {
  const seqs: number[] = [];
  for (let next = window.takeDue(now); next; next = window.takeDue(now)) seqs.push(next.seq);
  return seqs;
}

/** Two in memory, the rest beyond the horizon: (30, 3), (40, 4), (50, 5). */
function createShrunk(): DelayedWindow {
  const window = new DelayedWindow(2, false);
  for (const seq of [5, 4, 3, 2, 1]) window.enter(message(seq * 10, seq));
  expect(window.horizon).toEqual({ deliverAt: 20, seq: 2 });
  return window;
}

test("by time, then by seq, and not before", () => {
  const window = new DelayedWindow(10, false);
  for (const [at, seq] of [
    [20, 1],
    [10, 2],
    [10, 3],
    [30, 4],
  ] as const)
    window.enter(message(at, seq));
  expect(window.nextAt).toBe(10);
  expect(takeDue(window, 9)).toEqual([]);
  expect(takeDue(window, 20)).toEqual([2, 3, 1]);
});

test("above its bound it lets the latest go and finds them in the store again", () => {
  const window = createShrunk();
  expect(takeDue(window, 100)).toEqual([1, 2]);
  window.loadBegins();
  window.loaded([message(30, 3), message(40, 4)], { deliverAt: 40, seq: 4 });
  window.loadBegins();
  window.loaded([message(50, 5)], undefined);
  expect(window.horizon).toBeUndefined();
  expect(takeDue(window, 100)).toEqual([3, 4, 5]);
});

test("one that comes while a load is under way, which missed it, is loaded next", () => {
  const window = createShrunk();
  takeDue(window, 20);
  window.loadBegins();
  window.enter(message(35, 6));
  window.loaded([message(30, 3), message(40, 4), message(50, 5)], undefined);
  expect(takeDue(window, 100)).toEqual([3]);
  expect(window.horizon).toEqual({ deliverAt: 35, seq: 5 });
  window.loadBegins();
  window.loaded([message(35, 6), message(40, 4), message(50, 5)], undefined);
  expect(takeDue(window, 100)).toEqual([6, 4, 5]);
});

test("what was taken and is still in the store is not loaded again when earlier ones enter", () => {
  const window = new DelayedWindow(1, false);
  window.enter(message(50, 1));
  expect(takeDue(window, 60)).toEqual([1]);
  for (const [at, seq] of [
    [10, 2],
    [70, 3],
    [80, 4],
  ] as const)
    window.enter(message(at, seq));
  expect(window.horizon).toEqual({ deliverAt: 50, seq: 1 });
  expect(takeDue(window, 60)).toEqual([2]);
});

test("a purge makes a load that is under way worthless", () => {
  const window = createShrunk();
  const { generation } = window;
  expect(window.clear().map(({ seq }) => seq)).toEqual([1, 2]);
  expect(window.generation).toBe(generation + 1);
  expect([window.horizon, window.nextAt]).toEqual([undefined, undefined]);
});
