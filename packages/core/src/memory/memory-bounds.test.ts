import { expect, test } from "bun:test";
import { FakeClock, InMemoryStreamStore, SeededRandom } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { channelName, connectionId, nodeId } from "../ids.ts";
import type { BusEvents, PublishOptions, Retention } from "../ports/bus.ts";
import type { StreamSnapshot, StreamStore } from "../ports/stream-store.ts";
import { createMemoryBus, type MemoryBus, type MemoryBusOptions } from "./memory-bus.ts";

const deaf: BusEvents = {
  publication: () => undefined,
  presence: () => undefined,
  request: async () => ({ type: "done", connections: 0, error: undefined }),
};

const retention: Retention = { size: 100, ttlMs: 1_000, metaTtlMs: 10_000 };

async function started(options: Partial<MemoryBusOptions> = {}) {
  const clock = new FakeClock();
  const bus = createMemoryBus({
    clock,
    random: new SeededRandom(1),
    node: nodeId("n"),
    ...options,
  });
  await bus.start(deaf);
  return { bus, clock };
}

function publish(bus: MemoryBus, channel: string, options: Partial<PublishOptions> = {}) {
  return bus.channels.publish(
    channelName(channel),
    { data: toJsonText(1), info: undefined, tags: undefined },
    { retention, idempotency: undefined, version: 0, versionEpoch: "", ...options },
  );
}

test("drops what has ended without being asked: publications, streams, keys", async () => {
  const { bus, clock } = await started();
  for (let n = 0; n < 50; n += 1) {
    await publish(bus, `room:${n % 10}`, { idempotency: { key: `${n}`, windowMs: 5_000 } });
  }
  expect(bus.stats()).toMatchObject({ streams: 10, publications: 50, idempotencyKeys: 50 });
  await clock.advance(1_500);
  expect(bus.stats()).toMatchObject({ streams: 10, publications: 0, idempotencyKeys: 50 });
  await clock.advance(4_000);
  expect(bus.stats()).toMatchObject({ streams: 10, idempotencyKeys: 0, idempotencyEvictions: 0 });
  await clock.advance(5_000);
  expect(bus.stats()).toMatchObject({ streams: 0, publications: 0 });
  await bus.stop();
});

test("ends a stream on time, however late the sweep comes", async () => {
  const { bus, clock } = await started({ sweepIntervalMs: 1_000_000 });
  const first = await publish(bus, "room:1");
  await clock.advance(9_999);
  const second = await publish(bus, "room:1");
  expect(second.position).toEqual({ offset: 2, epoch: first.position?.epoch ?? "" });
  await clock.advance(10_000);
  const third = await publish(bus, "room:1");
  expect(third.position?.offset).toBe(1);
  expect(third.position?.epoch).not.toBe(first.position?.epoch);
  expect(bus.stats()).toMatchObject({ streams: 1, publications: 1 });
  await bus.stop();
});

test("an empty version epoch leaves the one that was seen", async () => {
  const { bus } = await started();
  const dropped = async (version: number, versionEpoch: string): Promise<boolean> =>
    (await publish(bus, "room:1", { version, versionEpoch })).duplicate;
  expect(await dropped(5, "a")).toBe(false);
  expect(await dropped(6, "")).toBe(false);
  expect(await dropped(6, "a")).toBe(true);
  expect(await dropped(7, "a")).toBe(false);
  await bus.stop();
});

test("bounds the work of one sweep and still comes to the end", async () => {
  const { bus, clock } = await started({ sweepIntervalMs: 100 });
  // Ten times the budget of a sweep.
  for (let n = 0; n < 40_000; n += 1) void publish(bus, `room:${n}`);
  await clock.advance(9_900);
  expect(bus.stats()).toMatchObject({ streams: 40_000, publications: 0 });
  await clock.advance(200);
  const left = bus.stats().streams;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(40_000);
  await clock.advance(2_000);
  expect(bus.stats().streams).toBe(0);
  await bus.stop();
});

test("holds one timer however much it holds, and none after stop", async () => {
  const { bus, clock } = await started();
  for (let n = 0; n < 100; n += 1)
    await publish(bus, `room:${n}`, { idempotency: { key: "k", windowMs: 9 } });
  expect(clock.pending).toBe(1);
  await bus.nodes.ask("all", { type: "info" }, { timeoutMs: 1_000 });
  expect(clock.pending).toBe(1);
  await bus.channels.subscribe(channelName("room:1"));
  await bus.presence.add(channelName("room:1"), connectionId("c"), {
    user: "",
    client: "c",
    connInfo: undefined,
    chanInfo: undefined,
  });
  expect(bus.stats()).toMatchObject({ subscribedChannels: 1, presenceEntries: 1 });
  await bus.stop();
  expect(clock.pending).toBe(0);
  expect(bus.stats()).toEqual({
    streams: 0,
    publications: 0,
    historyBytes: 0,
    historyEvictions: 0,
    idempotencyKeys: 0,
    idempotencyEvictions: 0,
    subscribedChannels: 0,
    presenceEntries: 0,
  });
});

test("forgets the oldest idempotency key above the bound, and counts it", async () => {
  const { bus } = await started({ idempotencyKeys: 3 });
  const again = async (key: string): Promise<boolean> =>
    (await publish(bus, "room:1", { idempotency: { key, windowMs: 60_000 } })).duplicate;
  for (const key of ["a", "b", "c"]) expect(await again(key)).toBe(false);
  for (const key of ["a", "b", "c"]) expect(await again(key)).toBe(true);
  expect(await again("d")).toBe(false);
  for (const key of ["b", "c", "d"]) expect(await again(key)).toBe(true);
  expect(bus.stats()).toMatchObject({ idempotencyKeys: 3, idempotencyEvictions: 1 });
  expect(await again("a")).toBe(false);
  expect(bus.stats()).toMatchObject({ idempotencyKeys: 3, idempotencyEvictions: 2 });
  await bus.stop();
});

test("keeps the bound when one key with a short window comes again behind a long one", async () => {
  const { bus, clock } = await started({ idempotencyKeys: 10 });
  await publish(bus, "room:1", { idempotency: { key: "long", windowMs: 1_000_000 } });
  for (let n = 0; n < 50; n += 1) {
    const { duplicate } = await publish(bus, "room:1", {
      idempotency: { key: "short", windowMs: 1 },
    });
    expect(duplicate).toBe(false);
    await clock.advance(2);
  }
  expect(bus.stats().idempotencyKeys).toBeLessThanOrEqual(10);
  await bus.stop();
});

test("delivers inside publish, and a publish from within a delivery comes after it", async () => {
  const clock = new FakeClock();
  const bus = createMemoryBus({ clock, random: new SeededRandom(1), node: nodeId("n") });
  const seen: number[] = [];
  await bus.start({
    ...deaf,
    publication(_channel, { offset }) {
      seen.push(offset);
      if (offset === 1) void publish(bus, "room:1");
    },
  });
  await bus.channels.subscribe(channelName("room:1"));
  const publishing = publish(bus, "room:1");
  expect(seen).toEqual([1, 2]);
  expect((await publishing).position?.offset).toBe(1);
  await bus.stop();
});

test("refuses calls before start, a second start, and publishes as soon as drain is called", async () => {
  const clock = new FakeClock();
  const store = new InMemoryStreamStore(clock);
  const bus = createMemoryBus({ clock, random: new SeededRandom(1), node: nodeId("n"), store });
  await expect(publish(bus, "room:1")).rejects.toMatchObject({ kind: "busUnavailable" });
  await expect(bus.check(1)).rejects.toMatchObject({ kind: "busUnavailable" });
  const starting = bus.start(deaf);
  await expect(bus.start(deaf)).rejects.toMatchObject({ kind: "busUnavailable" });
  await starting;
  const draining = bus.drain();
  await expect(publish(bus, "room:1")).rejects.toMatchObject({ kind: "busUnavailable" });
  await draining;
  await bus.stop();
  await expect(bus.start(deaf)).rejects.toMatchObject({ kind: "busUnavailable" });
});

test("a bus that was never started leaves the store alone; one that is still starting saves again", async () => {
  const clock = new FakeClock();
  const store = new InMemoryStreamStore(clock);
  const make = () =>
    createMemoryBus({ clock, random: new SeededRandom(1), node: nodeId("n"), store });
  const first = make();
  await first.start(deaf);
  await publish(first, "room:1");
  await first.drain();
  await first.stop();

  const idle = make();
  await idle.drain();
  await idle.stop();

  const hasty = make();
  const starting = hasty.start(deaf);
  await hasty.drain();
  await hasty.stop();
  await starting;
  expect((await store.take()).map(({ channel, top }) => `${channel}@${top}`)).toEqual(["room:1@1"]);
});

test("a save that fails rejects drain, and the next drain saves", async () => {
  const saved: StreamSnapshot[] = [];
  let fails = true;
  const store: StreamStore = {
    take: async () => [],
    save: async (streams) => {
      if (fails) throw new Error("no store");
      saved.push(...streams);
    },
  };
  const { bus } = await started({ store });
  await publish(bus, "room:1");
  await expect(bus.drain()).rejects.toThrow("no store");
  fails = false;
  await bus.drain();
  await bus.drain();
  await bus.stop();
  expect(saved.map(({ top }) => top)).toEqual([1]);
});

test("stop waits for a save that reads the streams", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const saved: StreamSnapshot[] = [];
  const store: StreamStore = {
    take: async () => [],
    save: async (streams) => {
      for (const stream of streams) {
        await gate;
        saved.push(stream);
      }
    },
  };
  const { bus } = await started({ store });
  for (const n of [1, 2, 3]) await publish(bus, `room:${n}`);
  const ended = Promise.all([bus.drain(), bus.stop()]);
  open();
  await ended;
  expect(saved.map(({ channel }) => String(channel))).toEqual(["room:1", "room:2", "room:3"]);
});

test("takes from a snapshot with a hole only what reaches the top", async () => {
  const publication = (offset: number) => ({
    publication: {
      data: toJsonText(offset),
      offset,
      id: `${offset}`,
      info: undefined,
      tags: undefined,
      publishedAt: 0,
    },
    ttlLeftMs: 1_000,
  });
  const store: StreamStore = {
    save: async () => undefined,
    take: async () => [
      {
        channel: channelName("room:1"),
        epoch: "old",
        top: 5,
        publications: [1, 2, 4, 5].map(publication),
        metaTtlLeftMs: 1_000,
        version: 0,
        versionEpoch: "",
      },
    ],
  };
  const { bus } = await started({ store });
  const page = await bus.channels.history(channelName("room:1"), {
    since: { offset: 1 },
    limit: "all",
    reverse: false,
    retention,
  });
  expect(page.publications.map(({ offset }) => offset)).toEqual([4, 5]);
  expect(page.top).toEqual({ offset: 5, epoch: "old" });
  await bus.stop();
});
