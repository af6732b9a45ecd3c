import { afterEach, describe, expect, test } from "bun:test";
import {
  closedNamespace,
  FakeClock,
  type FaultyBus,
  openNamespace,
  SeededRandom,
  type TestClient,
  TestHub,
  withFaults,
  withLoss,
} from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { channelName, nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";
import type { Bus } from "../ports/bus.ts";
import { undecided } from "./harness/server-requests.ts";
import { turns } from "./harness/test-hubs.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

const namespaces = {
  short: { ...openNamespace, retention: { size: 2, ttlMs: 60_000, metaTtlMs: 600_000 } },
  unpositioned: {
    ...openNamespace,
    retention: { size: 2, ttlMs: 60_000, metaTtlMs: 600_000 },
    forceRecovery: false,
    allowPositioning: false,
    allowRecovery: false,
  },
  none: { ...closedNamespace, allowSubscribeForClient: true, allowSubscribeForAnonymous: true },
};

interface World {
  readonly hub: TestHub;
  readonly bus: FaultyBus;
  readonly clock: FakeClock;
  /** Live publications are lost while true. */
  deaf: boolean;
}

async function started(wrap: (bus: Bus) => Bus = (bus) => bus): Promise<World> {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const memory = wrap(createMemoryBus({ clock, random, node: nodeId("n") }));
  const bus = withFaults(withLoss(memory, { loses: () => world.deaf }));
  const hub = new TestHub({ clock, random, bus, namespaces, client: { pingIntervalMs: 0 } });
  const world: World = { hub, bus, clock, deaf: false };
  await hub.start();
  hubs.push(hub);
  return world;
}

async function subscribed(hub: TestHub, channel: string, more: object = {}): Promise<TestClient> {
  const client = await hub.connect("ann");
  const { error } = await client.ask({ subscribe: { channel, ...more } });
  expect(error).toBeUndefined();
  return client;
}

async function serverSide(hub: TestHub, channel: string): Promise<TestClient> {
  const client = await hub.connect("server-side");
  await hub.operations.subscribe({
    target: { kind: "client", client: client.connection.id },
    channel,
    info: undefined,
    data: undefined,
    expireAt: 0,
    recoverSince: undefined,
    override: undecided,
  });
  return client;
}

const lost = { channel: "a", unsubscribe: { code: 2500, reason: "insufficient state" } };

/** Publishes while nobody hears it, then one that shows the hole. */
async function hole(
  world: World,
  channel: string,
  unheard: readonly number[],
  heard: number,
): Promise<void> {
  world.deaf = true;
  for (const n of unheard) await world.hub.publish(channel, String(n));
  world.deaf = false;
  await world.hub.publish(channel, String(heard));
  await turns();
}

describe("live publications that the bus has lost", () => {
  test("are filled in from history before the next one; nobody notices", async () => {
    const world = await started();
    const [client, server] = [await subscribed(world.hub, "a"), await serverSide(world.hub, "a")];
    await world.hub.publish("a", "1");
    await hole(world, "a", [2, 3], 4);
    await world.hub.publish("a", "5");
    for (const each of [client, server]) expect(each.publications("a")).toEqual([1, 2, 3, 4, 5]);
    expect(world.hub.observer.of("repaired repaired")).toBe(1);
  });

  test("are held in order with what comes while they are read", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    const release = world.bus.hold("history");
    await hole(world, "a", [1], 2);
    for (const n of ["3", "4"]) await world.hub.publish("a", n);
    expect(client.publications("a")).toEqual([]);
    release();
    await turns();
    expect(client.publications("a")).toEqual([1, 2, 3, 4]);
  });

  test("and are no longer in history: 2500 for client-side, 3010 for server-side subscriptions", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "short:a");
    const other = await subscribed(world.hub, "short:b");
    const server = await serverSide(world.hub, "short:a");
    await hole(world, "short:a", [1, 2, 3], 4);
    expect(client.pushes).toEqual([{ ...lost, channel: "short:a" }]);
    expect([client.closedWith, server.closedWith, other.closedWith]).toEqual([
      undefined,
      3010,
      undefined,
    ]);
    expect(other.pushes).toEqual([]);
    expect(world.hub.observer.of("repaired lost")).toBe(1);
    // And it goes on from where the stream is.
    const reply = await client.ask({ subscribe: { channel: "short:a" } });
    expect(reply).toMatchObject({ subscribe: { offset: 4 } });
    await world.hub.publish("short:a", "5");
    expect(client.publications("short:a")).toEqual([5]);
  });

  test("repeated offsets are dropped", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    for (const n of ["1", "2"]) await world.hub.publish("a", n);
    const { publications, top } = await world.bus.channels.history(channelName("a"), {
      since: undefined,
      limit: "all",
      reverse: false,
      retention: openNamespace.retention ?? namespaces.short.retention,
    });
    for (const publication of publications)
      world.bus.events.publication(channelName("a"), publication, top.epoch);
    await turns();
    expect(client.publications("a")).toEqual([1, 2]);
  });

  test("without positions nothing is promised, and nothing breaks", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "none:a");
    for (const n of ["1", "2"]) await world.hub.publish("none:a", n);
    expect(client.publications("none:a")).toEqual([1, 2]);
  });
});

describe("the periodic check", () => {
  test("finds what no later publication would show", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    world.deaf = true;
    for (const n of ["1", "2"]) await world.hub.publish("a", n);
    world.deaf = false;
    await world.clock.advance(39_000);
    expect(client.publications("a")).toEqual([]);
    await world.clock.advance(3_000);
    expect(client.publications("a")).toEqual([1, 2]);
    expect(client.pushes.filter((push) => "unsubscribe" in push)).toEqual([]);
  });

  test("costs one question per channel and interval, none where publications come, none without positions", async () => {
    const world = await started();
    await subscribed(world.hub, "a");
    await subscribed(world.hub, "a");
    await subscribed(world.hub, "none:a");
    await subscribed(world.hub, "unpositioned:a");
    const before = world.bus.calls("history");
    await world.clock.advance(121_500);
    expect(world.bus.calls("history") - before).toBe(3);
    for (let n = 0; n < 40; n += 1) {
      await world.clock.advance(3_000);
      await world.hub.publish("a", String(n));
    }
    expect(world.bus.calls("history") - before).toBe(3);
  });

  test("finds a stream that has begun anew", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "short:a");
    await world.hub.publish("short:a", "1");
    await world.bus.channels.removeHistory(channelName("short:a"));
    // The position is confirmed less often than the metadata lives here.
    await world.clock.advance(1_000);
    const history = world.bus.channels.history.bind(world.bus.channels);
    world.bus.channels.history = async (...args) => {
      const page = await history(...args);
      return { ...page, top: { ...page.top, epoch: "anew" } };
    };
    await world.clock.advance(41_000);
    expect(client.pushes.at(-1)).toEqual({ ...lost, channel: "short:a" });
  });

  test("that fails costs nobody anything, and comes again", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    world.deaf = true;
    await world.hub.publish("a", "1");
    world.deaf = false;
    world.bus.fail("history");
    await world.clock.advance(42_000);
    expect(client.pushes).toEqual([]);
    world.bus.heal();
    await world.clock.advance(42_000);
    expect(client.publications("a")).toEqual([1]);
  });
});

describe("a stream that begins anew", () => {
  test("costs the positions; the next subscribe starts with the new epoch", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "short:a");
    await world.hub.publish("short:a", "1");
    // Nobody asks for the position for longer than the metadata lives.
    world.hub.hub.services.channels.find(channelName("short:a"));
    world.bus.fail("history");
    await world.clock.advance(700_000);
    world.bus.heal();
    await world.hub.publish("short:a", "2");
    await turns();
    expect(client.pushes.at(-1)).toEqual({ ...lost, channel: "short:a" });
    const reply = await client.ask({
      subscribe: { channel: "short:a", recover: true, epoch: "old", offset: 1 },
    });
    expect(reply).toMatchObject({ subscribe: { was_recovering: true, offset: 1 } });
    expect(reply["subscribe"]).not.toHaveProperty("recovered");
    await world.hub.publish("short:a", "3");
    expect(client.publications("short:a")).toEqual([1, 3]);
  });

  test("a member without a position hears the publication that showed it", async () => {
    const { hub, clock } = await started();
    const client = await subscribed(hub, "unpositioned:x");
    await hub.publish("unpositioned:x", "1");
    // Longer than the metadata lives: the stream ends, the next publication begins another.
    await clock.advance(700_000);
    await hub.publish("unpositioned:x", "2");
    await turns();
    expect(client.publications("unpositioned:x")).toEqual([1, 2]);
  });

  test("a late publication of the old one ends in one repair, not in an endless one", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    await world.hub.publish("a", "1");
    const before = world.bus.calls("history");
    const stray = {
      data: toJsonText("stray"),
      id: "x",
      info: undefined,
      tags: undefined,
      publishedAt: 0,
    };
    world.bus.events.publication(channelName("a"), { ...stray, offset: 7 }, "old");
    await turns(50);
    expect(world.bus.calls("history") - before).toBe(1);
    await world.hub.publish("a", "2");
    await turns();
    expect(client.publications("a")).toEqual([1, 2]);
    expect(client.pushes.filter((push) => "unsubscribe" in push)).toEqual([]);
  });

  test("a publication beyond what history knows of the same epoch costs the positions, once", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    await world.hub.publish("a", "1");
    const { top } = await world.hub.operations.history({
      channel: "a",
      limit: 0,
      since: undefined,
      reverse: false,
    });
    const before = world.bus.calls("history");
    const stray = {
      data: toJsonText("stray"),
      id: "x",
      info: undefined,
      tags: undefined,
      publishedAt: 0,
    };
    world.bus.events.publication(channelName("a"), { ...stray, offset: 7 }, top.epoch);
    await turns(50);
    expect(world.bus.calls("history") - before).toBe(1);
    expect(client.pushes.at(-1)).toEqual(lost);
    expect(await client.ask({ subscribe: { channel: "a" } })).toMatchObject({
      subscribe: { offset: 1 },
    });
    await world.hub.publish("a", "2");
    expect(client.publications("a")).toEqual([1, 2]);
  });
});

describe("the bus is away while a hole is to be filled", () => {
  test("members are told once; with the bus back the next subscribe works", async () => {
    const world = await started();
    const [client, server] = [await subscribed(world.hub, "a"), await serverSide(world.hub, "a")];
    await world.hub.publish("a", "1");
    world.bus.fail("history");
    const before = world.bus.calls("history");
    await hole(world, "a", [2], 3);
    await turns(50);
    expect(world.bus.calls("history") - before).toBe(1);
    expect(client.pushes.filter((push) => "unsubscribe" in push)).toEqual([lost]);
    expect(server.closedWith).toBe(3010);
    expect((await client.ask({ subscribe: { channel: "a" } })).error).toMatchObject({
      code: 100,
      temporary: true,
    });
    world.bus.heal();
    expect(await client.ask({ subscribe: { channel: "a" } })).toMatchObject({
      subscribe: { offset: 3 },
    });
    await world.hub.publish("a", "4");
    expect(client.publications("a")).toEqual([1, 4]);
    await client.ask({ unsubscribe: { channel: "a" } });
    await turns();
    expect(world.hub.hub.services.channels.size).toBe(0);
  });

  test("members without a position stay, hear what comes, and do not hold up who comes", async () => {
    const world = await started();
    const loose = await subscribed(world.hub, "unpositioned:a");
    await world.hub.publish("unpositioned:a", "1");
    world.bus.fail("history");
    await hole(world, "unpositioned:a", [2], 3);
    await world.hub.publish("unpositioned:a", "4");
    expect(loose.publications("unpositioned:a")).toEqual([1, 3, 4]);
    world.bus.heal();
    await subscribed(world.hub, "unpositioned:a");
    await world.hub.publish("unpositioned:a", "5");
    expect(loose.publications("unpositioned:a")).toEqual([1, 3, 4, 5]);
  });

  test("a subscribe that is under way starts at what has come since", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    await world.hub.publish("a", "1");
    const late = await world.hub.connect("bob");
    const release = world.bus.hold("presence.add");
    late.send({ subscribe: { channel: "a" } });
    await turns();
    world.bus.fail("history");
    await hole(world, "a", [2], 3);
    expect(client.pushes.at(-1)).toEqual(lost);
    release();
    await turns();
    expect(late.messages.at(-1)).toMatchObject({ subscribe: { offset: 3 } });
    await world.hub.publish("a", "4");
    world.bus.heal();
    await hole(world, "a", [5], 6);
    // Another one that comes now opens nothing anew: nothing is skipped for the first.
    await subscribed(world.hub, "a");
    await world.hub.publish("a", "7");
    expect(late.publications("a")).toEqual([4, 5, 6, 7]);
  });

  test("a subscribe that is under way is not given a position that nobody knows", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    const loose = await serverSide(world.hub, "unpositioned:a");
    await world.hub.publish("a", "1");
    const late = await world.hub.connect("bob");
    const release = world.bus.hold("presence.add");
    late.send({ subscribe: { channel: "a" } });
    await turns();
    world.deaf = true;
    await world.hub.publish("a", "2");
    world.deaf = false;
    // The position can be asked for, what is missing cannot.
    const history = world.bus.channels.history.bind(world.bus.channels);
    world.bus.channels.history = (channel, query) =>
      query.limit === "all" ? Promise.reject(new Error("away")) : history(channel, query);
    await world.clock.advance(42_000);
    expect(client.pushes.at(-1)).toEqual(lost);
    release();
    await turns();
    expect(late.messages.at(-1)?.error?.code).toBe(100);
    world.bus.channels.history = history;
    expect(await late.ask({ subscribe: { channel: "a" } })).toMatchObject({
      subscribe: { offset: 2 },
    });
    await world.hub.publish("a", "3");
    expect(late.publications("a")).toEqual([3]);
    expect(loose.closedWith).toBeUndefined();
    late.vanish();
    await turns();
    expect((await world.hub.operations.presenceStats("a")).connections).toBe(0);
    expect(world.hub.hub.services.channels.size).toBe(1);
  });

  test("the last member leaves while a hole is being filled: who comes next sees nothing twice", async () => {
    const world = await started();
    const client = await subscribed(world.hub, "a");
    await world.hub.publish("a", "1");
    // The answer to the repair is made at once and comes late.
    const history = world.bus.channels.history.bind(world.bus.channels);
    const late = Promise.withResolvers<void>();
    world.bus.channels.history = async (channel, query) => {
      const page = await history(channel, query);
      if (query.limit === "all") await late.promise;
      return page;
    };
    await hole(world, "a", [2], 3);
    client.vanish();
    const next = await world.hub.connect("bob");
    next.send({ subscribe: { channel: "a" } });
    await turns();
    await world.hub.publish("a", "4");
    late.resolve();
    await turns(20);
    await world.hub.publish("a", "5");
    const [, reply = {}] = next.messages;
    const { offset } = reply["subscribe"] as { offset: number };
    expect(next.publications("a")).toEqual([1, 2, 3, 4, 5].slice(offset));
  });
});
