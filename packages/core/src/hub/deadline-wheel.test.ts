import { expect, test } from "bun:test";
import { FakeClock } from "@switchyard/testkit";
import { type Deadlined, DeadlineWheel } from "./deadline-wheel.ts";

class Alarm implements Deadlined {
  wheelTick = -1;
  readonly firedAt: number[] = [];
  readonly #clock: FakeClock;
  readonly #then: (() => void) | undefined;

  constructor(clock: FakeClock, then?: () => void) {
    this.#clock = clock;
    this.#then = then;
  }

  onDeadline(): void {
    this.firedAt.push(this.#clock.monotonic());
    this.#then?.();
  }
}

function startedWheel(): { readonly clock: FakeClock; readonly wheel: DeadlineWheel } {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  wheel.start();
  return { clock, wheel };
}

test("fires once, never early and at most a tick late", async () => {
  const { clock, wheel } = startedWheel();
  const times = [0, 1, 99, 100, 101, 250, 1_000, 12_345];
  const alarms = times.map((at) => {
    const alarm = new Alarm(clock);
    wheel.schedule(alarm, at);
    return alarm;
  });
  await clock.advance(20_000);
  for (const [index, at] of times.entries()) {
    const [firedAt = -1, ...more] = alarms[index]?.firedAt ?? [];
    expect(more).toEqual([]);
    expect(firedAt).toBeGreaterThanOrEqual(at);
    expect(firedAt - at).toBeLessThanOrEqual(100);
  }
});

test("a deadline in the past fires at the next tick", async () => {
  const { clock, wheel } = startedWheel();
  await clock.advance(5_000);
  const alarm = new Alarm(clock);
  wheel.schedule(alarm, 10);
  await clock.advance(200);
  expect(alarm.firedAt).toEqual([5_100]);
});

test("scheduling again replaces, cancelling removes, both any number of times", async () => {
  const { clock, wheel } = startedWheel();
  const moved = new Alarm(clock);
  const cancelled = new Alarm(clock);
  wheel.schedule(moved, 500);
  wheel.schedule(moved, 500);
  wheel.schedule(moved, 1_000);
  wheel.schedule(cancelled, 500);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  await clock.advance(3_000);
  expect(moved.firedAt).toEqual([1_100]);
  expect(cancelled.firedAt).toEqual([]);
});

test("one that fires may cancel and move others of the same tick, and itself", async () => {
  const { clock, wheel } = startedWheel();
  const victim = new Alarm(clock);
  const later = new Alarm(clock);
  const first: Alarm = new Alarm(clock, () => {
    wheel.cancel(victim);
    wheel.schedule(later, clock.monotonic() + 1_000);
    if (first.firedAt.length < 3) wheel.schedule(first, clock.monotonic() + 500);
  });
  for (const alarm of [first, victim, later]) wheel.schedule(alarm, 50);
  await clock.advance(3_000);
  expect(victim.firedAt).toEqual([]);
  expect(first.firedAt).toEqual([100, 700, 1_300]);
  expect(later.firedAt).toEqual([2_400]);
});

test("after a pause of the process all that is due fires at once, in order", () => {
  let now = 0;
  let run = (): void => undefined;
  // A clock whose timer comes a minute late.
  const wheel = new DeadlineWheel({
    now: () => now,
    monotonic: () => now,
    after: (_delayMs, then) => {
      run = then;
      return { cancel: () => undefined };
    },
  });
  wheel.start();
  const order: string[] = [];
  const due = { late: 9_000, early: 3_000, "not yet": 90_000 };
  for (const [name, at] of Object.entries(due)) {
    wheel.schedule({ wheelTick: -1, onDeadline: () => order.push(name) }, at);
  }
  now = 60_000;
  run();
  expect(order).toEqual(["early", "late"]);
});

test("a stopped wheel leaves no timer and fires nothing", async () => {
  const { clock, wheel } = startedWheel();
  const alarm = new Alarm(clock);
  wheel.schedule(alarm, 100);
  wheel.stop();
  wheel.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(1_000);
  expect(alarm.firedAt).toEqual([]);
});
