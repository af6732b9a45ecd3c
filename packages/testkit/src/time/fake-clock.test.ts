import { expect, test } from "bun:test";
import { FakeClock } from "./fake-clock.ts";
import { TurnClock } from "./turn-clock.ts";

test("runs timers in the order of their times, and of their setting", async () => {
  const clock = new FakeClock(1_000);
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} at ${clock.monotonic()}/${clock.now()}`);
  clock.after(20, note("b"));
  clock.after(10, note("a"));
  clock.after(20, note("c"));
  const cancelled = clock.after(15, note("never"));
  clock.after(31, note("later"));
  cancelled.cancel();
  cancelled.cancel();
  await clock.advance(30);
  expect(ran).toEqual(["a at 10/1010", "b at 20/1020", "c at 20/1020"]);
  expect(clock.monotonic()).toBe(30);
  expect(clock.pending).toBe(1);
  clock.advanceNow(1);
  expect(ran.at(-1)).toBe("later at 31/1031");
  expect(clock.pending).toBe(0);
});

test("gives code that awaits between timers its own times", async () => {
  const clock = new FakeClock();
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.after(ms, resolve);
    });
  const woke: number[] = [];
  const sleeper = (async () => {
    for (const ms of [10, 10, 0, 10]) {
      await sleep(ms);
      await Promise.resolve();
      woke.push(clock.monotonic());
    }
  })();
  await clock.advance(100);
  await sleeper;
  expect(woke).toEqual([10, 20, 20, 30]);
});

test("moves the wall clock apart from the monotonic one", () => {
  const clock = new FakeClock(5_000);
  clock.advanceNow(10);
  clock.setWall(100);
  expect([clock.now(), clock.monotonic()]).toEqual([100, 10]);
  clock.advanceNow(1);
  expect([clock.now(), clock.monotonic()]).toEqual([101, 11]);
});

test("a turn clock passes by itself, in the order of the delays", async () => {
  const clock = new TurnClock();
  const ran: string[] = [];
  clock.after(3, () => {
    ran.push("late");
    clock.after(2, () => ran.push("later"));
  });
  clock.after(1, () => ran.push("soon"));
  clock.after(2, () => ran.push("never")).cancel();
  await clock.idle();
  expect(ran).toEqual(["soon", "late", "later"]);
});
