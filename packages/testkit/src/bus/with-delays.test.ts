import { expect, test } from "bun:test";
import { type Bus, type BusEvents, channelName, nodeId } from "@switchyard/core";
import { toJsonText } from "@switchyard/protocol";
import { BusRecorder } from "../contracts/bus-recorder.ts";
import { clientInfo, historyQuery, numbers, publishOptions } from "../contracts/bus-scenario.ts";
import { SeededRandom } from "../random/seeded-random.ts";
import { TurnClock } from "../time/turn-clock.ts";
import { withDelays } from "./with-delays.ts";
import { withLoss } from "./with-loss.ts";

const room = channelName("room:1");

/** Settles at once and delivers inside the call; notes the order in which calls arrive. */
class ImmediateBus implements Bus {
  readonly name = "memory";
  readonly calls: string[] = [];
  #events: BusEvents = new BusRecorder();
  #top = 0;

  readonly channels: Bus["channels"] = {
    publish: async (channel, { data, info, tags }) => {
      this.calls.push(`publish ${String(data)}`);
      this.#top += 1;
      const publication = {
        data,
        info,
        tags,
        offset: this.#top,
        id: `${this.#top}`,
        publishedAt: 0,
      };
      this.#events.publication(channel, publication, "e");
      return { position: { offset: this.#top, epoch: "e" }, duplicate: false };
    },
    announce: async (channel, change) => this.#events.presence(channel, change),
    subscribe: async () => undefined,
    unsubscribe: async () => undefined,
    history: async (_channel, { limit }) => {
      this.calls.push(`history ${limit}`);
      return { publications: [], top: { offset: this.#top, epoch: "e" } };
    },
    removeHistory: async () => undefined,
  };
  readonly presence: Bus["presence"] = {
    add: async (_channel, connection) => void this.calls.push(`add ${connection}`),
    remove: async (_channel, connection) => void this.calls.push(`remove ${connection}`),
    members: async () => new Map(),
    stats: async () => ({ connections: 0, users: 0 }),
  };
  readonly nodes: Bus["nodes"] = { self: nodeId("n"), ask: async () => [] };

  async start(events: BusEvents): Promise<void> {
    this.#events = events;
  }
  async drain(): Promise<void> {}
  async stop(): Promise<void> {}
  async check(): Promise<void> {
    throw new Error("away");
  }
}

async function run(seed: number): Promise<readonly string[]> {
  const inner = new ImmediateBus();
  const clock = new TurnClock();
  const bus = withDelays(inner, { clock, random: new SeededRandom(seed), maxDelayMs: 8 });
  const log: string[] = [];
  await bus.start({
    publication: (_channel, { offset }) => void log.push(`delivered ${offset}`),
    presence: (_channel, { info }) => void log.push(`announced ${info.user}`),
    request: async () => ({ type: "done", connections: 0, error: undefined }),
  });
  await Promise.all(
    numbers(20).flatMap((n) => [
      bus.channels
        .publish(room, { data: toJsonText(n), info: undefined, tags: undefined }, publishOptions())
        .then(() => log.push(`settled ${n}`)),
      bus.channels.history(room, historyQuery({ limit: n })).then(() => log.push(`read ${n}`)),
      bus.channels.announce(room, { type: "join", info: clientInfo("c", `${n}`) }),
    ]),
  );
  await clock.idle();
  return [...log, ...inner.calls];
}

const inOrder = (log: readonly string[], word: string): boolean => {
  const mine = log
    .filter((line) => line.startsWith(word))
    .map((line) => Number(line.slice(word.length)));
  expect(mine).toHaveLength(20);
  return mine.every((n, index) => n === index + 1);
};

test("keeps the order the port promises and no other", async () => {
  const logs = await Promise.all(numbers(20).map(run));
  for (const log of logs) {
    for (const kept of ["publish ", "delivered ", "announced "])
      expect(inOrder(log, kept)).toBe(true);
  }
  for (const open of ["settled ", "read ", "history "]) {
    expect(logs.filter((log) => !inOrder(log, open)).length).toBeGreaterThan(10);
  }
  const settledFirst = (log: readonly string[]): number =>
    numbers(20).filter((n) => log.indexOf(`settled ${n}`) < log.indexOf(`delivered ${n}`)).length;
  for (const log of logs) {
    expect(settledFirst(log)).toBeGreaterThan(0);
    expect(settledFirst(log)).toBeLessThan(20);
  }
});

test("does the same for the same seed", async () => {
  expect(await run(7)).toEqual(await run(7));
  expect(await run(7)).not.toEqual(await run(8));
});

test("passes rejections on", async () => {
  const bus = withDelays(new ImmediateBus(), {
    clock: new TurnClock(),
    random: new SeededRandom(1),
  });
  await expect(bus.check(1)).rejects.toThrow("away");
});

test("withLoss loses live publications of streams alone, and counts them", async () => {
  const bus = withLoss(new ImmediateBus(), { loses: (_channel, { offset }) => offset % 3 === 0 });
  const recorder = new BusRecorder();
  await bus.start(recorder);
  for (const n of numbers(7)) {
    const result = await bus.channels.publish(
      room,
      { data: toJsonText(n), info: undefined, tags: undefined },
      publishOptions(),
    );
    expect(result.position?.offset).toBe(n);
  }
  await bus.channels.announce(room, { type: "join", info: clientInfo("c") });
  expect(recorder.offsets(room)).toEqual([1, 2, 4, 5, 7]);
  expect(recorder.changes).toHaveLength(1);
  expect(bus.lost()).toBe(2);
});
