import { afterEach, describe, expect, test } from "bun:test";
import {
  closedNamespace,
  FakeClock,
  joinNodes,
  openNamespace,
  SeededRandom,
  type TestClient,
  TestHub,
  turn,
  withFaults,
} from "@switchyard/testkit";
import { disconnects, type JsonText, toJsonText, unsubscribes } from "@switchyard/protocol";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";
import type { ConnectionSelector } from "./node-request.ts";
import type { PublishRequest, SubscribeUserRequest } from "./server-operations.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

const namespaces = {
  closed: closedNamespace,
  objects: { ...openNamespace, publicationDataFormat: "json_object" },
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
} as const;

async function started(limits = {}) {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const bus = withFaults(createMemoryBus({ clock, random, node: nodeId("n") }));
  const hub = await new TestHub({ clock, random, bus, namespaces, limits }).start();
  hubs.push(hub);
  return { hub, operations: hub.operations, bus, clock };
}

/** Two nodes on one bus. */
async function startedPair(): Promise<readonly [TestHub, TestHub]> {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const memory = createMemoryBus({ clock, random, node: nodeId("bus") });
  const [one, two] = joinNodes(memory, { clock, nodes: [nodeId("one"), nodeId("two")] });
  const pair = [one, two ?? one].map((bus) => new TestHub({ clock, random, bus, namespaces }));
  for (const hub of pair) hubs.push(await hub.start());
  const [first, second] = pair;
  if (!first || !second) throw new Error("two nodes were asked for");
  return [first, second];
}

const user = (name: string, client = "", session = ""): ConnectionSelector => ({
  kind: "user",
  user: name,
  client,
  session,
});
const one = (client: TestClient): ConnectionSelector => ({
  kind: "client",
  client: client.connection.id,
});
const everybody: ConnectionSelector = { kind: "all" };
const undecided = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};
const order = (
  target: ConnectionSelector,
  channel: string,
  more: Partial<SubscribeUserRequest> = {},
): SubscribeUserRequest => ({
  target,
  channel,
  info: undefined,
  data: undefined,
  expireAt: 0,
  recoverSince: undefined,
  override: undecided,
  ...more,
});
const publication = (
  channel: string,
  data: unknown,
  more: Partial<PublishRequest> = {},
): PublishRequest => ({
  channel,
  data: toJsonText(data),
  skipHistory: false,
  tags: undefined,
  idempotencyKey: "",
  version: 0,
  versionEpoch: "",
  ...more,
});

/** The code of the error that `operation` rejects with. */
async function codeOf(operation: Promise<unknown>): Promise<number | undefined> {
  try {
    await operation;
    return undefined;
  } catch (error) {
    if (error instanceof SwitchyardError) return error.row.code;
    throw error;
  }
}

async function turns(): Promise<void> {
  for (let done = 0; done < 10; done += 1) await turn();
}

test("every method with a channel: 107 for an empty name, 102 without a namespace", async () => {
  const { operations } = await started();
  const page = { limit: 0, since: undefined, reverse: false };
  for (const [channel, code] of [
    ["", 107],
    ["nowhere:a", 102],
  ] as const) {
    expect([
      await codeOf(operations.publish(publication(channel, 1))),
      await codeOf(operations.subscribe(order(everybody, channel))),
      await codeOf(operations.unsubscribe(everybody, channel)),
      await codeOf(operations.presence(channel)),
      await codeOf(operations.presenceStats(channel)),
      await codeOf(operations.history({ channel, ...page })),
      await codeOf(operations.removeHistory(channel)),
    ]).toEqual([code, code, code, code, code, code, code]);
  }
});

test("108 where presence or history is off; permissions do not matter", async () => {
  const { operations } = await started();
  const page = { limit: 0, since: undefined, reverse: false };
  expect([
    await codeOf(operations.presence("closed:a")),
    await codeOf(operations.presenceStats("closed:a")),
    await codeOf(operations.history({ channel: "closed:a", ...page })),
    await codeOf(operations.removeHistory("closed:a")),
    await codeOf(operations.publish(publication("closed:a", 1))),
  ]).toEqual([108, 108, 108, 108, undefined]);
});

test("when the bus fails all answer 100", async () => {
  const { operations, bus } = await started();
  bus.fail("publish", "history", "removeHistory", "presence.members", "presence.stats", "ask");
  const page = { limit: 0, since: undefined, reverse: false };
  expect(
    await Promise.all([
      codeOf(operations.publish(publication("a", 1))),
      codeOf(operations.history({ channel: "a", ...page })),
      codeOf(operations.removeHistory("a")),
      codeOf(operations.presence("a")),
      codeOf(operations.presenceStats("a")),
      codeOf(operations.send(everybody, toJsonText(1))),
      codeOf(operations.channels("")),
      codeOf(operations.info()),
    ]),
  ).toEqual([100, 100, 100, 100, 100, 100, 100, 100]);
});

describe("publish", () => {
  test("stores, delivers, and says where; not stored is not said", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    await client.ask({ subscribe: { channel: "a" } });
    const tags = { k: "v" };
    expect(await operations.publish(publication("a", 1, { tags }))).toMatchObject({
      position: { offset: 1 },
    });
    expect(await operations.publish(publication("a", 2, { skipHistory: true }))).toEqual({
      position: undefined,
    });
    expect(client.pushes).toEqual([
      { channel: "a", pub: { data: 1, offset: 1, tags, epoch: expect.any(String) } },
      { channel: "a", pub: { data: 2 } },
    ]);
    expect(hub.observer.of("accepted api")).toBe(2);
  });

  test("the same idempotency key delivers once and answers the same, per channel, for five minutes", async () => {
    const { hub, operations, clock } = await started();
    const client = await hub.connect("ann");
    for (const channel of ["a", "closed:b"])
      await operations.subscribe(order(one(client), channel));
    const key = { idempotencyKey: "k" };
    const first = await operations.publish(publication("a", 1, key));
    expect(await operations.publish(publication("a", "another", key))).toEqual(first);
    await operations.publish(publication("closed:b", 1, key));
    await operations.publish(publication("closed:b", 2, key));
    expect([client.publications("a"), client.publications("closed:b")]).toEqual([[1], [1]]);
    await clock.advance(299_000);
    expect(await operations.publish(publication("a", 2, key))).toEqual(first);
    await clock.advance(2_000);
    expect(await operations.publish(publication("a", 2, key))).toMatchObject({
      position: { offset: 2 },
    });
  });

  test("an old version is dropped silently, with the top as the answer", async () => {
    const { operations } = await started();
    await operations.publish(publication("a", 1, { version: 5, versionEpoch: "x" }));
    const stale = await operations.publish(publication("a", 2, { version: 5, versionEpoch: "x" }));
    expect(stale.position?.offset).toBe(1);
    const anew = await operations.publish(publication("a", 3, { version: 1, versionEpoch: "y" }));
    expect(anew.position?.offset).toBe(2);
  });

  test("107 for data of another format", async () => {
    const { operations } = await started();
    for (const data of [null, [], "{}"])
      expect(await codeOf(operations.publish(publication("objects:a", data)))).toBe(107);
    expect(await codeOf(operations.publish(publication("objects:a", {})))).toBeUndefined();
    const data = " {}" as JsonText; // valid JSON with a space before it
    expect(
      await codeOf(operations.publish({ ...publication("objects:a", {}), data })),
    ).toBeUndefined();
    expect(
      await codeOf(operations.publish({ ...publication("a", {}), data: new Uint8Array() })),
    ).toBe(107);
  });
});

describe("subscribe", () => {
  test("adds to the live connections meant: push, info, presence, delivery; nobody connected is a success", async () => {
    const { hub, operations } = await started();
    const tabs = [await hub.connect("ann"), await hub.connect("ann")];
    const bob = await hub.connect("bob");
    await hub.publish("a", "0");
    await operations.subscribe(order(user("nobody"), "a"));
    const more = { data: toJsonText({ d: 1 }), info: toJsonText({ seat: 1 }) };
    await operations.subscribe(order(user("ann"), "a", more));
    await hub.publish("a", "1");
    for (const tab of tabs) {
      expect(tab.pushes).toEqual([
        {
          channel: "a",
          subscribe: {
            recoverable: true,
            positioned: true,
            epoch: expect.any(String),
            offset: 1,
            data: { d: 1 },
          },
        },
        { channel: "a", pub: { data: 1, offset: 2 } },
      ]);
    }
    expect(bob.pushes).toEqual([]);
    const members = [...(await operations.presence("a")).values()];
    expect(members.map(({ user: name, chanInfo }) => [name, String(chanInfo)])).toEqual([
      ["ann", '{"seat":1}'],
      ["ann", '{"seat":1}'],
    ]);
  });

  test("again: a second push, one subscription, one presence entry, no second join, delivery once", async () => {
    const { hub, operations } = await started();
    const watcher = await hub.connect("bob");
    await watcher.ask({ subscribe: { channel: "told:a" } });
    const client = await hub.connect("ann");
    await operations.subscribe(order(one(client), "told:a"));
    await operations.subscribe(order(one(client), "told:a", { info: toJsonText(2) }));
    await turns();
    await hub.publish("told:a", "1");
    expect(client.pushes.filter((push) => "subscribe" in push)).toHaveLength(2);
    expect(client.publications("told:a")).toEqual([1]);
    expect(watcher.pushes.map((push) => Object.keys(push)[1])).toEqual(["join", "join", "pub"]);
    const { connections } = await operations.presenceStats("told:a");
    expect([connections, (await operations.channels("")).get("told:a")]).toEqual([2, 2]);
    client.vanish();
    watcher.vanish();
    await turns();
    expect(hub.hub.services.channels.size).toBe(0);
    expect((await operations.presenceStats("told:a")).connections).toBe(0);
  });

  test("again without presence takes the entry back; it failing leaves the first in place", async () => {
    const { hub, operations, bus } = await started();
    const client = await hub.connect("ann");
    await operations.subscribe(order(one(client), "a"));
    bus.fail("presence.add");
    expect(await codeOf(operations.subscribe(order(one(client), "a")))).toBe(100);
    bus.heal();
    await hub.publish("a", "1");
    expect(client.publications("a")).toEqual([1]);
    expect((await operations.presenceStats("a")).connections).toBe(1);
    await operations.subscribe(
      order(one(client), "a", { override: { ...undecided, presence: false } }),
    );
    await turns();
    expect((await operations.presenceStats("a")).connections).toBe(0);
    await hub.publish("a", "2");
    expect(client.publications("a")).toEqual([1, 2]);
  });

  test("over a client-side subscription makes it the server's", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    await client.ask({ subscribe: { channel: "a" } });
    await operations.subscribe(order(one(client), "a"));
    await hub.publish("a", "1");
    expect(client.publications("a")).toEqual([1]);
  });

  test("what was missed follows the push, when it can be had", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    for (const n of ["1", "2", "3"]) await hub.publish("a", n);
    const { top } = await operations.history({
      channel: "a",
      limit: 0,
      since: undefined,
      reverse: false,
    });
    await operations.subscribe(
      order(one(client), "a", { recoverSince: { offset: 1, epoch: top.epoch } }),
    );
    expect(client.pushes).toEqual([
      {
        channel: "a",
        subscribe: { recoverable: true, positioned: true, epoch: top.epoch, offset: 1 },
      },
      { channel: "a", pub: { data: 2, offset: 2 } },
      { channel: "a", pub: { data: 3, offset: 3 } },
    ]);
    const other = await hub.connect("bob");
    await operations.subscribe(
      order(one(other), "a", { recoverSince: { offset: 1, epoch: "other" } }),
    );
    expect(other.pushes).toMatchObject([{ subscribe: { offset: 3 } }]);
  });

  test("overrides replace the namespace's options", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    const override = {
      presence: true,
      joinLeave: true,
      forceRecovery: false,
      forcePositioning: true,
      forcePushJoinLeave: true,
    };
    await operations.subscribe(order(one(client), "a", { override }));
    await turns();
    expect(client.pushes).toMatchObject([
      { subscribe: { positioned: true, epoch: expect.any(String) } },
      { join: { info: { user: "ann" } } },
    ]);
    expect(client.pushes[0]?.["subscribe"]).not.toHaveProperty("recoverable");
  });

  test("100 for an expiry in the past and beyond the connection's limit, also for several at once", async () => {
    const { hub, operations, clock } = await started({ channelsPerConnection: 2 });
    const client = await hub.connect("ann");
    const past = clock.now() / 1_000 - 1;
    expect(await codeOf(operations.subscribe(order(one(client), "a", { expireAt: past })))).toBe(
      100,
    );
    const codes = await Promise.all(
      ["a", "b", "c"].map((channel) => codeOf(operations.subscribe(order(one(client), channel)))),
    );
    expect(codes).toEqual([undefined, undefined, 100]);
    expect((await client.ask({ subscribe: { channel: "d" } })).error?.code).toBe(106);
  });

  test("a missed publication that is not JSON: 3506, and nothing stays", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    await operations.publish({ ...publication("a", 1), data: Uint8Array.of(1) });
    await operations.subscribe(order(one(client), "a", { recoverSince: { offset: 0, epoch: "" } }));
    await turns();
    expect(client.closedWith).toBe(3506);
    expect([
      hub.hub.services.channels.size,
      (await operations.presenceStats("a")).connections,
    ]).toEqual([0, 0]);
  });

  test("the connection goes meanwhile: nothing stays", async () => {
    const { hub, operations, bus } = await started();
    const client = await hub.connect("ann");
    const release = bus.hold("presence.add");
    const subscribing = operations.subscribe(order(one(client), "a"));
    const next = operations.subscribe(order(one(client), "a"));
    await turns();
    client.vanish();
    release();
    await Promise.all([subscribing, next]);
    await turns();
    expect([
      hub.hub.services.channels.size,
      (await operations.presenceStats("a")).connections,
    ]).toEqual([0, 0]);
  });
});

describe("unsubscribe", () => {
  test("ends client-side and server-side subscriptions, and tells those that had none", async () => {
    const { hub, operations } = await started();
    const [own, given, none] = [
      await hub.connect("ann"),
      await hub.connect("ann"),
      await hub.connect("ann"),
    ];
    await own.ask({ subscribe: { channel: "a" } });
    await operations.subscribe(order(one(given), "a"));
    await operations.unsubscribe(user("ann"), "a");
    await hub.publish("a", "1");
    const push = { channel: "a", unsubscribe: { code: 2000, reason: "server unsubscribe" } };
    for (const client of [own, given, none]) expect(client.pushes.at(-1)).toEqual(push);
    expect((await operations.presenceStats("a")).connections).toBe(0);
    await operations.unsubscribe(user("nobody"), "a");
  });

  test("waits for a subscribe that is under way", async () => {
    const { hub, operations, bus } = await started();
    const client = await hub.connect("ann");
    const release = bus.hold("history");
    client.send({ subscribe: { channel: "a" } });
    const unsubscribing = operations.unsubscribe(one(client), "a");
    await turns();
    release();
    await unsubscribing;
    await hub.publish("a", "1");
    expect(
      client.messages.slice(1).map(({ id, push }) => id ?? Object.keys(push ?? {})[1]),
    ).toEqual([2, "unsubscribe"]);
  });

  test("with a code that brings the client back, or makes it forget", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    for (const code of [
      unsubscribes.insufficientState,
      unsubscribes.stateInvalidated,
      { code: 2_100, reason: "ours" },
    ]) {
      await operations.unsubscribe(one(client), "a", code);
      expect(client.pushes.at(-1)).toEqual({ channel: "a", unsubscribe: code });
    }
    for (const code of [1_999, 3_000])
      expect(await codeOf(operations.unsubscribe(one(client), "a", { code, reason: "" }))).toBe(
        107,
      );
  });
});

describe("disconnect", () => {
  test("3503 unless told otherwise; code 0 is none; some are spared", async () => {
    const { hub, operations } = await started();
    const tabs = [await hub.connect("ann"), await hub.connect("ann"), await hub.connect("ann")];
    const bob = await hub.connect("bob");
    const spare = [tabs[0]?.connection.id ?? ""];
    await operations.disconnect({
      target: user("ann"),
      spare,
      disconnect: { code: 0, reason: "" },
    });
    expect(tabs.map(({ closedWith }) => closedWith)).toEqual([undefined, 3503, 3503]);
    expect(tabs[1]?.pushes.at(-1)).toEqual({
      disconnect: { code: 3503, reason: "force disconnect" },
    });
    await operations.disconnect({ target: user("nobody"), spare: [], disconnect: undefined });
    expect(bob.closedWith).toBeUndefined();
  });

  const codes = [
    disconnects.shutdown,
    disconnects.internalError,
    disconnects.writeError,
    disconnects.forceReconnect,
    disconnects.stateInvalidated,
    { code: 4_500, reason: "banned" },
  ];
  for (const disconnect of codes) {
    test(`with ${disconnect.code} ${disconnect.reason}`, async () => {
      const { hub, operations } = await started();
      const client = await hub.connect("ann");
      await operations.disconnect({ target: one(client), spare: [], disconnect });
      expect(client.pushes).toEqual([{ disconnect }]);
      expect(client.link.closedWith).toEqual(disconnect);
      expect(hub.observer.of(`closed ${disconnect.code}`)).toBe(1);
    });
  }

  test("the anonymous user is a user; all are all", async () => {
    const { hub, operations } = await started();
    const [anonymous, ann] = [await hub.connect(), await hub.connect("ann")];
    await operations.disconnect({ target: user(""), spare: [], disconnect: undefined });
    expect([anonymous.closedWith, ann.closedWith]).toEqual([3503, undefined]);
    await operations.disconnect({ target: everybody, spare: [], disconnect: undefined });
    expect(ann.closedWith).toBe(3503);
  });

  test("3000 ends without a word", async () => {
    const { hub, operations } = await started();
    const client = await hub.connect("ann");
    await operations.disconnect({
      target: one(client),
      spare: [],
      disconnect: disconnects.connectionClosed,
    });
    expect([client.pushes, client.closedWith]).toEqual([[], 3000]);
  });
});

describe("refresh", () => {
  const renew = { expired: false, expireAt: 0, info: undefined };

  test("a new expiry with a push, info replaced; 0 ends it; past or expired is 3005", async () => {
    const { hub, operations, clock } = await started();
    const at = (after: number): number => clock.now() / 1_000 + after;
    hub.authenticator.issueConnection("t", { user: "ann", expireAt: at(10), info: toJsonText(1) });
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const client = hub.open();
        await client.ask({ connect: { token: "t" } });
        return client;
      }),
    );
    const [longer, endless, past, expired] = clients as [
      TestClient,
      TestClient,
      TestClient,
      TestClient,
    ];
    await operations.refresh({
      ...renew,
      target: one(longer),
      expireAt: at(100),
      info: toJsonText(2),
    });
    await operations.refresh({ ...renew, target: one(endless), info: toJsonText(3) });
    await operations.refresh({ ...renew, target: one(past), expireAt: at(-1) });
    await operations.refresh({ ...renew, target: one(expired), expired: true });
    await operations.refresh({ ...renew, target: user("nobody"), expireAt: at(100) });
    expect(longer.pushes).toEqual([{ refresh: { expires: true, ttl: 100 } }]);
    expect(clients.map(({ closedWith }) => closedWith)).toEqual([undefined, undefined, 3005, 3005]);
    for (const client of [longer, endless]) await client.ask({ subscribe: { channel: "a" } });
    const infos = [...(await operations.presence("a")).values()].map(({ connInfo }) =>
      Number(connInfo),
    );
    expect(infos).toEqual([2, 1]);
    const alive = async (ms: number): Promise<readonly boolean[]> => {
      await clock.advance(ms);
      for (const client of [longer, endless]) client.sendRaw("{}");
      return [longer, endless].map(({ closedWith }) => closedWith !== 3005);
    };
    expect(await alive(8_000)).toEqual([true, true]);
  });

  test("at most a year ahead", async () => {
    const { hub, operations, clock } = await started();
    const client = await hub.connect("ann");
    await operations.refresh({ ...renew, target: one(client), expireAt: clock.now() });
    const [{ refresh }] = client.pushes as [{ refresh: { ttl: number } }];
    expect(refresh.ttl).toBe(366 * 24 * 3_600);
  });
});

describe("send", () => {
  test("to a user, to one of their connections, to one connection, to all; says to how many", async () => {
    const [here, there] = await startedPair();
    const clients = [
      await here.connect("ann"),
      await there.connect("ann"),
      await there.connect("bob"),
    ];
    const received = (): number[] => clients.map(({ pushes }) => pushes.length);
    const data = toJsonText({ hello: 1 });
    expect(await here.operations.send(user("ann"), data)).toBe(2);
    expect(received()).toEqual([1, 1, 0]);
    expect(await here.operations.send(user("ann", clients[1]?.connection.id), data)).toBe(1);
    expect(received()).toEqual([1, 2, 0]);
    expect(
      await here.operations.send({ kind: "client", client: clients[2]?.connection.id ?? "" }, data),
    ).toBe(1);
    expect(await here.operations.send(everybody, data)).toBe(3);
    expect(received()).toEqual([2, 3, 2]);
    expect(await here.operations.send(user("bob", clients[1]?.connection.id), data)).toBe(0);
    expect(clients[0]?.pushes[0]).toEqual({ message: { data: { hello: 1 } } });
  });

  test("narrowed by the session of an emulation transport; not to who has not connected", async () => {
    const { hub, operations } = await started();
    const waiting = hub.open("ann");
    const client = await hub.connect("ann");
    expect(await operations.send(user("ann", "", "another session"), toJsonText(1))).toBe(0);
    expect(await operations.send(everybody, toJsonText(1))).toBe(1);
    expect([waiting.pushes.length, client.pushes.length]).toEqual([0, 1]);
  });
});

describe("what is going on", () => {
  test("channels with subscribers, summed over nodes, by pattern; a bad pattern is 100", async () => {
    const [here, there] = await startedPair();
    for (const [hub, channel] of [
      [here, "told:a"],
      [there, "told:a"],
      [there, "b"],
    ] as const) {
      await (await hub.connect("ann")).ask({ subscribe: { channel } });
    }
    expect([...(await here.operations.channels(""))].toSorted()).toEqual([
      ["b", 1],
      ["told:a", 2],
    ]);
    expect([...(await there.operations.channels("told:*"))]).toEqual([["told:a", 2]]);
    expect(await codeOf(here.operations.channels("["))).toBe(100);
  });

  test("nodes, with their figures", async () => {
    const [here, there] = await startedPair();
    await (await here.connect("ann")).ask({ subscribe: { channel: "a" } });
    await there.connect("bob");
    const nodes = await here.operations.info();
    expect(
      nodes.map(({ uid, connections, users, channels, subscriptions }) => [
        uid,
        connections,
        users,
        channels,
        subscriptions,
      ]),
    ).toEqual([
      ["one", 1, 1, 1, 1],
      ["two", 1, 1, 0, 0],
    ]);
    expect(nodes[0]).toMatchObject({ name: "test", version: "0.0.0", uptimeSeconds: 0 });
  });

  test("the connections of a user over all nodes, described", async () => {
    const [here, there] = await startedPair();
    const client = there.open("ann");
    await client.ask({ connect: { name: "js", version: "5.8.0" } });
    await client.ask({ subscribe: { channel: "a" } });
    here.open("ann");
    const [description, ...more] = await here.operations.connections(user("ann"));
    expect(more).toEqual([]);
    expect(description as unknown).toEqual({
      client: client.connection.id,
      user: "ann",
      transport: "websocket",
      encoding: "json",
      appName: "js",
      appVersion: "5.8.0",
      connectedAtMs: 1_700_000_000_000,
      remoteAddress: "127.0.0.1",
      channels: ["a"],
      meta: undefined,
    });
  });

  test("who is online, since when and how often; those who are not are not in the answer", async () => {
    const { hub, operations, clock } = await started();
    await hub.connect("ann");
    await clock.advance(5_000);
    await hub.connect("ann");
    await hub.connect("bob");
    hub.open("carl");
    const since = 1_700_000_000_000;
    expect(await operations.usersOnline(["ann", "carl", "nobody"])).toEqual(
      new Map([["ann", { connections: 2, sinceMs: since }]]),
    );
    expect([...(await operations.usersOnline("all")).entries()]).toEqual([
      ["ann", { connections: 2, sinceMs: since }],
      ["bob", { connections: 1, sinceMs: since + 5_000 }],
    ]);
  });

  test("history: the page, the top, 112 for another epoch only, 100 for a reverse page before the first", async () => {
    const { hub, operations } = await started();
    for (const n of ["1", "2", "3"]) await hub.publish("a", n);
    const page = async (request: object): Promise<unknown> => {
      const given = { channel: "a", limit: -1, since: undefined, reverse: false, ...request };
      const { publications } = await operations.history(given);
      return publications.map(({ data }) => Number(data));
    };
    const { top } = await operations.history({
      channel: "a",
      limit: 0,
      since: undefined,
      reverse: false,
    });
    expect(await page({})).toEqual([1, 2, 3]);
    expect(await page({ limit: 2, reverse: true })).toEqual([3, 2]);
    expect(await page({ since: { ...top, offset: 1 } })).toEqual([2, 3]);
    expect(await page({ since: { ...top, offset: 99 } })).toEqual([]);
    expect(await codeOf(page({ since: { offset: 1, epoch: "other" } }))).toBe(112);
    expect(await codeOf(page({ since: { offset: 0, epoch: "" }, reverse: true }))).toBe(100);
    await operations.removeHistory("a");
    expect(await page({})).toEqual([]);
    expect(await operations.publish(publication("a", 4))).toEqual({
      position: { ...top, offset: 4 },
    });
  });

  test("rpc: the server's own methods; 107 without a name, 104 for an unknown one", async () => {
    const { hub, operations } = await started();
    hub.hub.methods.server.set("double", async (params) => toJsonText(Number(params) * 2));
    expect(Number(await operations.rpc("double", toJsonText(4)))).toBe(8);
    expect(await codeOf(operations.rpc("", undefined))).toBe(107);
    expect(await codeOf(operations.rpc("other", undefined))).toBe(104);
  });
});
