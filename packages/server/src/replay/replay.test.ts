import { expect, test } from "bun:test";
import { FakeClock, turn } from "@switchyard/testkit";
import type { CsvLine } from "./csv-file.ts";
import { lineDataOf } from "./line-data.ts";
import { ReplayError } from "./replay-error.ts";
import type { ReplayLine, ReplayTarget } from "./replay-target.ts";
import { replay } from "./replay.ts";
import type { ConfirmedBatch } from "./replay.ts";
import { Schedule } from "./schedule.ts";

/** Notes what it is sent and when; confirms each batch after `answerMs`. */
class NotingTarget implements ReplayTarget {
  readonly batches: (readonly [atMs: number, lines: readonly number[]])[] = [];
  readonly #clock: FakeClock;
  answerMs = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  describe(): string {
    return "nowhere";
  }

  async send(lines: readonly ReplayLine[]): Promise<void> {
    this.batches.push([this.#clock.monotonic(), lines.map(({ line }) => line)]);
    if (this.answerMs === 0) return;
    await new Promise<void>((resolve) => {
      this.#clock.after(this.answerMs, resolve);
    });
  }
}

interface Start {
  readonly times: readonly string[];
  readonly speed: number;
  readonly batchLines?: number;
  readonly answerMs?: number;
}

function start({ times, speed, batchLines = 256, answerMs = 0 }: Start) {
  const clock = new FakeClock();
  const target = new NotingTarget(clock);
  target.answerMs = answerMs;
  const schedule = new Schedule(clock, speed);
  const confirmed: ConfirmedBatch[] = [];
  const stopping = new AbortController();
  const lines = async function* (): AsyncGenerator<CsvLine> {
    for (const [index, time] of times.entries())
      yield { line: index + 1, values: [time], endByte: 0 };
  };
  const done = replay(
    {
      lines: lines(),
      time: { index: 0, column: "T", format: "auto" },
      dataOf: lineDataOf({ columns: ["T"], numberColumns: new Set(), lineMember: "line" }),
      schedule,
      target,
      batchLines,
      clock,
      onConfirmed: (batch) => confirmed.push(batch),
    },
    stopping.signal,
  );
  // Its outcome is looked at later.
  done.catch(() => {});
  return { clock, target, schedule, confirmed, stopping, done };
}

const day = ["01-12-10 8:26", "01-12-10 8:26", "01-12-10 8:28", "01-12-10 8:28", "01-12-10 9:02"];

test("sends each line at its time, those of one minute together", async () => {
  const { clock, target, done } = start({ times: day, speed: 1 });
  await clock.advance(36 * 60_000);
  await done;
  expect(target.batches).toEqual([
    [0, [1, 2]],
    [120_000, [3, 4]],
    [2_160_000, [5]],
  ]);
});

test("a speed of 600 makes ten minutes a second", async () => {
  const { clock, target, done } = start({ times: day, speed: 600 });
  await clock.advance(3_599);
  expect(target.batches.map(([at]) => at)).toEqual([0, 200]);
  await clock.advance(1);
  await done;
  expect(target.batches.at(-1)).toEqual([3_600, [5]]);
});

test("speed 0 waits for nothing and fills the batches", async () => {
  const { target, done } = start({ times: day, speed: 0, batchLines: 2 });
  await done;
  expect(target.batches).toEqual([
    [0, [1, 2]],
    [0, [3, 4]],
    [0, [5]],
  ]);
});

test("keeps the order of the file where a time is earlier, and counts such lines", async () => {
  const { clock, target, schedule, done } = start({
    times: ["01-12-10 8:26", "01-12-10 8:28", "01-12-10 8:27", "01-12-10 8:26", "01-12-10 8:29"],
    speed: 60,
  });
  await clock.advance(3_000);
  await done;
  expect(target.batches).toEqual([
    [0, [1]],
    [2_000, [2, 3, 4]],
    [3_000, [5]],
  ]);
  expect(schedule.earlierLines).toBe(2);
});

test("makes up for a slow server and tells the lag", async () => {
  const times = [
    "01-12-10 8:00",
    "01-12-10 8:01",
    "01-12-10 8:02",
    "01-12-10 8:03",
    "01-12-10 8:10",
  ];
  const { clock, target, confirmed, done } = start({ times, speed: 60, answerMs: 2_500 });
  await clock.advance(13_000);
  await done;
  expect(target.batches).toEqual([
    [0, [1]],
    [2_500, [2, 3]],
    [5_000, [4]],
    [10_000, [5]],
  ]);
  expect(confirmed.map(({ lagMs }) => lagMs)).toEqual([0, 1_500, 2_000, 0]);
});

test("sends what stands before a faulty line, then tells of it", async () => {
  const { target, done } = start({ times: ["01-12-10 8:26", "01-12-10 8:26", "soon"], speed: 1 });
  await expect(done).rejects.toThrow(new ReplayError('Line 3: "soon" in T is not a time (auto)'));
  expect(target.batches).toEqual([[0, [1, 2]]]);
});

test("an abort ends the wait for the next line", async () => {
  const { clock, target, stopping, done } = start({ times: day, speed: 1 });
  await clock.advance(1_000);
  stopping.abort(new Error("enough"));
  await expect(done).rejects.toThrow("enough");
  await turn();
  expect(clock.pending).toBe(0);
  expect(target.batches).toEqual([[0, [1, 2]]]);
});
