import { expect, test } from "bun:test";
import { trustJsonText } from "@switchyard/protocol";
import { FakeClock } from "@switchyard/testkit";
import { ProgressTicker } from "./progress-ticker.ts";
import {
  formatElapsed,
  renderBar,
  renderLine,
  renderStop,
  renderSummary,
} from "./render-progress.ts";
import { ReplayProgress } from "./replay-progress.ts";

const last = {
  line: 698,
  timeMs: Date.UTC(2010, 11, 1, 11, 2),
  values: [],
  data: trustJsonText("{}"),
  endByte: 412,
};

async function halfway(): Promise<ReplayProgress> {
  const clock = new FakeClock();
  const progress = new ReplayProgress(clock, 1_000);
  await clock.advance(2_000);
  progress.confirmed({ lines: 698, last, lagMs: 40 });
  return progress;
}

test("shows lines, rate and simulated time", async () => {
  const progress = await halfway();
  const simulated = Date.UTC(2010, 11, 1, 11, 2, 30);
  expect(renderBar(progress.state(), simulated, 120)).toBe(
    "[████████············]  41.2 %  698 lines  349/s  2010-12-01 11:02:30",
  );
  expect(renderBar(progress.state(), simulated, 30)).toHaveLength(29);
  progress.retried("ConnectionRefused");
  expect(renderLine(progress.state(), simulated)).toBe(
    " 41.2 %  698 lines  349/s  2010-12-01 11:02:30  1 retry  waiting for the server (ConnectionRefused)",
  );
  progress.confirmed({ lines: 1, last: { ...last, line: 699 }, lagMs: 10 });
  expect(renderLine(progress.state(), simulated)).toEndWith("2010-12-01 11:02:30  1 retry");
});

test("the rate is that of the last seconds", async () => {
  const clock = new FakeClock();
  const progress = new ReplayProgress(clock, 1_000);
  const rates: number[] = [];
  for (const lines of [300, 300, 300, 0, 0, 0]) {
    await clock.advance(1_000);
    progress.confirmed({ lines, last, lagMs: 0 });
    rates.push(Math.round(progress.state().rate));
  }
  expect(rates).toEqual([300, 300, 300, 200, 100, 0]);
});

test("tells at the end what was done, and how far it came when it was not", async () => {
  const state = (await halfway()).state();
  expect(renderSummary({ state, destinations: "7 channels", earlierLines: 0, speed: 600 })).toBe(
    "698 lines to 7 channels in 2.0 s (349/s)\nLag behind the schedule: 40 ms at worst, 40 ms at the end\n",
  );
  expect(
    renderSummary({
      state: { ...state, retries: 3 },
      destinations: "1 channel",
      earlierLines: 2,
      speed: 0,
    }),
  ).toBe(
    "698 lines to 1 channel in 2.0 s (349/s)\n3 retries\n2 lines were earlier than a line before; the order of the file was kept\n",
  );
  expect(renderStop(state)).toBe(
    "Published up to line 698 (2010-12-01 11:02:00, 41.2 % of the file); some lines after it may have been published as well.",
  );
});

test.each([
  [12.4, "12 ms"],
  [36_600, "36.6 s"],
  [125_000, "2 min 05 s"],
  [3_725_000, "1 h 02 min 05 s"],
])("%d ms is %s", (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});

function ticker(width: number | undefined) {
  const clock = new FakeClock();
  const written: string[] = [];
  let draws = 0;
  const shown = new ProgressTicker({
    clock,
    write: (text) => written.push(text),
    terminalWidth: () => width,
    bar: (columns) => `bar ${(draws += 1)} of ${columns}`,
    line: () => `line ${(draws += 1)}`,
  });
  shown.start();
  return { clock, written, shown };
}

test("draws anew on a terminal, and leaves no bar behind", async () => {
  const { clock, written, shown } = ticker(80);
  await clock.advance(250);
  shown.stop();
  expect(written).toEqual(["\r\u001B[2Kbar 1 of 80", "\r\u001B[2Kbar 2 of 80", "\r\u001B[2K"]);
  expect(clock.pending).toBe(0);
});

test("writes a line every five seconds where there is no terminal", async () => {
  const { clock, written, shown } = ticker(undefined);
  await clock.advance(12_000);
  shown.stop();
  expect(written).toEqual(["line 1\n", "line 2\n"]);
});
