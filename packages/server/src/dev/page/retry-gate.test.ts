import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { RetryGate } from "./retry-gate.ts";

let now = 0;

beforeEach(() => {
  jest.useFakeTimers();
  now = 0;
});

afterEach(() => {
  jest.useRealTimers();
});

function advance(ms: number): void {
  now += ms;
  jest.advanceTimersByTime(ms);
}

test("an attempt passes at the told moment, not before", async () => {
  const gate = new RetryGate(
    () => now,
    () => 0,
  );
  await gate.pass(); // open from the start
  expect(gate.close()).toBe(1_000);
  expect(gate.attempt).toBe(2);
  let passed = 0;
  void gate.pass().then(() => (passed += 1));
  void gate.pass().then(() => (passed += 1));
  advance(999);
  await Promise.resolve();
  expect(passed).toBe(0);
  advance(1);
  await Promise.resolve();
  expect(passed).toBe(2);
});

test("delays double up to 16 s, shortened by a quarter at most, and start over after a connection", () => {
  const longest = new RetryGate(
    () => now,
    () => 0,
  );
  expect(Array.from({ length: 7 }, () => longest.close())).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000,
  ]);
  longest.reset();
  expect(longest.close()).toBe(1_000);
  const shortest = new RetryGate(
    () => now,
    () => 1,
  );
  expect([shortest.close(), shortest.close()]).toEqual([750, 1_500]);
});

test("opening lets those who wait through at once, and keeps the count of failures", async () => {
  const gate = new RetryGate(
    () => now,
    () => 0,
  );
  gate.close();
  const passed = gate.pass();
  gate.open();
  await passed;
  await gate.pass();
  expect(gate.close()).toBe(2_000);
});
