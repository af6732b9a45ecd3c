import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CutProxy, startServer } from "@switchyard/testkit";
import type { RunningServer } from "@switchyard/testkit";
import { ChannelReader } from "./harness/channel-reader.ts";
import { ReplayProcess } from "./harness/replay-process.ts";
import {
  expectedLines,
  findRetailDay,
  retailDayLines,
  withoutRetailDay,
} from "./harness/retail-day.ts";

let server: RunningServer;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-replay-"));
  server = await startServer({ env: withoutRetailDay });
}, 90_000);

afterAll(async () => {
  // Not there when it did not start.
  await (server as RunningServer | undefined)?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** Waits until `condition` holds. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`in vain until ${what}`);
    await Bun.sleep(5);
  }
}

const retailDay = findRetailDay();
if (retailDay === undefined) {
  process.stderr.write(
    "\n*** The replay of a real day does not run: give its file in SWITCHYARD_RETAIL_CSV. ***\n\n",
  );
}

/** Without the file: skipped, in CI failed. */
const realTest = test.skipIf(retailDay === undefined && process.env["CI"] !== "true");
const cuts = [200, 600, 1_000];
/** Lines that a client misses in each cut. */
const missed = 150;

interface CutReplay {
  readonly received: ReadonlyMap<string, readonly unknown[]>;
  readonly resubscriptions: ChannelReader["resubscriptions"];
  readonly recoveredSomething: number;
  readonly summary: string;
}

/**
 * Replays the day to `template` at 7,200 times its speed (three seconds), while a client is cut off when it has got
 * so many lines as `cuts` says, and may return when another client that is not cut has got 150 more.
 */
async function replayWithCuts(
  file: string,
  template: string,
  channels: readonly string[],
): Promise<CutReplay> {
  await using proxy = await CutProxy.start(server.url);
  using control = await ChannelReader.open(new URL(server.url).host, channels);
  using reader = await ChannelReader.open(proxy.host, channels);
  const due = [...cuts];
  let mendAt: number | undefined;
  reader.onPublication = (count) => {
    if (count !== due[0]) return;
    due.shift();
    expect(proxy.cut()).toBe(1);
    mendAt = control.count + missed;
  };
  control.onPublication = (count) => {
    if (mendAt === undefined || count < mendAt) return;
    mendAt = undefined;
    proxy.mend();
  };
  await using replay = new ReplayProcess([
    file,
    "--channel",
    template,
    "--speed",
    "7200",
    "--url",
    server.url,
    "--data-dir",
    server.dataDir,
  ]);
  const exit = await replay.exit();
  expect(exit).toMatchObject({ code: 0 });
  await until("the control client has all lines", () => control.count >= retailDayLines);
  await until("the cut client has all lines", () => reader.count >= retailDayLines);
  expect(due).toEqual([]);
  expect(control.resubscriptions).toEqual([]);
  expect(control.received).toEqual(reader.received);
  const { received, resubscriptions, recoveredSomething } = reader;
  return { received, resubscriptions, recoveredSomething, summary: exit.out };
}

/** The file, or a failure that says what to do. */
function requireRetailDay(): string {
  if (retailDay === undefined)
    throw new Error("In CI the real day must be there: give its file in SWITCHYARD_RETAIL_CSV");
  return retailDay;
}

describe("a real day, for a client that is cut off three times", () => {
  realTest(
    "on one channel: every line once, in order",
    async () => {
      const file = requireRetailDay();
      const expected = expectedLines(file).map(({ data }) => data);
      expect(expected).toHaveLength(retailDayLines);
      const channel = "inventory:day";
      const { received, resubscriptions, recoveredSomething, summary } = await replayWithCuts(
        file,
        channel,
        [channel],
      );
      expect(received.get(channel)).toEqual(expected);
      expect(resubscriptions).toEqual(Array.from(cuts, () => ({ channel, recovered: true })));
      expect(recoveredSomething).toBe(cuts.length);
      expect(summary).toStartWith("1,694 lines to 1 channel in ");
    },
    60_000,
  );

  realTest(
    "on a channel per country: every line once, in order of its channel",
    async () => {
      const file = requireRetailDay();
      const lines = expectedLines(file);
      const channelOf = (country: string): string => `inventory:${encodeURIComponent(country)}`;
      const expected = new Map(
        Map.groupBy(lines, ({ country }) => channelOf(country))
          .entries()
          .map(([channel, of]) => [channel, of.map(({ data }) => data)]),
      );
      const channels = [...expected.keys()];
      expect(channels).toContain("inventory:United%20Kingdom");
      const { received, resubscriptions, summary } = await replayWithCuts(
        file,
        "inventory:{Country}",
        channels,
      );
      expect(new Map(received)).toEqual(expected);
      expect(resubscriptions).toHaveLength(cuts.length * channels.length);
      expect(resubscriptions.filter(({ recovered }) => !recovered)).toEqual([]);
      expect(summary).toStartWith(`1,694 lines to ${channels.length} channels in `);
    },
    60_000,
  );
});

/** A file of `count` lines, one a second. */
async function madeUpFile(name: string, count: number): Promise<string> {
  const rows = Array.from(
    { length: count },
    (_, index) => `${index},${new Date(1_291_190_400_000 + index * 1_000).toISOString()}`,
  );
  const path = join(folder, name);
  await writeFile(path, ["Key,InvoiceDate", ...rows].join("\n"));
  return path;
}

function numbersUpTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** The `line` of each publication. */
function linesOf(reader: ChannelReader, channel: string): readonly unknown[] {
  // Made by the replay: an object with the number of its line.
  return (reader.received.get(channel) ?? []).map(
    (data) => (data as { readonly line: unknown }).line,
  );
}

test("a replay that loses answers sends nothing twice and leaves nothing out", async () => {
  const count = 3_000;
  const channel = "inventory:replay-cut";
  const file = await madeUpFile("cut.csv", count);
  await using proxy = await CutProxy.start(server.url);
  using reader = await ChannelReader.open(new URL(server.url).host, [channel]);
  // In the middle of a batch of 100 the way back is blocked; when the whole batch has been carried out, it is cut.
  const holds = [450, 1_250, 2_050];
  const cutsAfter = new Set(holds.map((hold) => hold + 50));
  reader.onPublication = (received) => {
    if (holds.includes(received)) proxy.holdAnswers();
    if (!cutsAfter.delete(received)) return;
    proxy.cut();
    proxy.mend();
  };
  await using replay = new ReplayProcess(
    [file, "--channel", channel, "--speed", "0", "--batch", "100", "--url", `http://${proxy.host}`],
    { SWITCHYARD_API_KEY: server.apiKey },
  );
  const { code, out, notes } = await replay.exit();
  expect({ code, notes }).toEqual({ code: 0, notes: "" });
  expect(out).toStartWith("3,000 lines to 1 channel in ");
  // One connection at the start, and one after each cut, on which the batch without an answer was sent again.
  expect(proxy.accepted).toBeGreaterThanOrEqual(1 + holds.length);
  await until("all lines are there", () => reader.count >= count);
  expect(linesOf(reader, channel)).toEqual(numbersUpTo(count));
}, 60_000);

test("Ctrl-C ends it with 130 and tells how far it came", async () => {
  const channel = "inventory:interrupted";
  const file = join(folder, "interrupted.csv");
  await writeFile(
    file,
    "InvoiceDate\n2010-12-01T08:26:00Z\n2010-12-01T08:26:00.100Z\n2010-12-02T08:26:00Z\n",
  );
  using reader = await ChannelReader.open(new URL(server.url).host, [channel]);
  await using replay = new ReplayProcess([
    file,
    "--channel",
    channel,
    "--url",
    server.url,
    "--data-dir",
    server.dataDir,
  ]);
  // The replay has the answer to a line before it sends the next: the first one is confirmed, the second one perhaps.
  await until("two lines are there", () => reader.count === 2);
  replay.interrupt();
  const { code, out, notes } = await replay.exit();
  expect({ code, out }).toEqual({ code: 130, out: "" });
  expect(notes).toMatch(
    /^Published up to line [12] \(2010-12-01 08:26:00, \d+\.\d % of the file\); some lines after it may have been published as well\.\n$/,
  );
}, 30_000);

test("says where a wrong key came from, and which namespace is missing", async () => {
  const file = await madeUpFile("refused.csv", 2);
  await using wrongKey = new ReplayProcess(
    [file, "--channel", "inventory:x", "--url", server.url],
    { SWITCHYARD_API_KEY: "not-the-key-of-this-server" },
  );
  await using noNamespace = new ReplayProcess([
    file,
    "--channel",
    "absent:{Key}",
    "--speed",
    "0",
    "--url",
    server.url,
    "--data-dir",
    server.dataDir,
  ]);
  const [first, second] = await Promise.all([wrongKey.exit(), noNamespace.exit()]);
  expect(first.code).toBe(1);
  expect(first.notes).toContain("refuses the API key (401). It came from SWITCHYARD_API_KEY.");
  expect(second.code).toBe(1);
  expect(second.notes).toContain(
    "Line 1: the namespace absent of the channel absent:0 is not configured (error 102).",
  );
}, 30_000);
