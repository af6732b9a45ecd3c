import { afterEach, describe, expect, test } from "bun:test";
import { closedNamespace, openNamespace } from "@switchyard/testkit";
import { toJsonText, type JsonText } from "@switchyard/protocol";
import { codeOf, everybody, one, order, publication, user } from "./harness/server-requests.ts";
import { TestHubs } from "./harness/test-hubs.ts";

const namespaces = {
  closed: closedNamespace,
  objects: { ...openNamespace, publicationDataFormat: "json_object" },
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
} as const;

const hubs = new TestHubs({ namespaces });
afterEach(() => hubs.stop());

test("every method with a channel: 107 for an empty name, 102 without a namespace", async () => {
  const { operations } = await hubs.start();
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
  const { operations } = await hubs.start();
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
  const { operations, bus } = await hubs.start();
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
  test("names and keys that are kept in memory are bounded", async () => {
    const { operations } = await hubs.start();
    const long = "x".repeat(4_097);
    expect(await codeOf(operations.publish(publication(long, 1)))).toBe(107);
    expect(await codeOf(operations.publish(publication("a", 1, { idempotencyKey: long })))).toBe(
      107,
    );
    expect(
      await operations.publish(publication("a", 1, { idempotencyKey: long.slice(1) })),
    ).toMatchObject({ position: { offset: 1 } });
  });

  test("stores, delivers, and says where; not stored is not said", async () => {
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, clock } = await hubs.start();
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
    const { operations } = await hubs.start();
    await operations.publish(publication("a", 1, { version: 5, versionEpoch: "x" }));
    const stale = await operations.publish(publication("a", 2, { version: 5, versionEpoch: "x" }));
    expect(stale.position?.offset).toBe(1);
    const anew = await operations.publish(publication("a", 3, { version: 1, versionEpoch: "y" }));
    expect(anew.position?.offset).toBe(2);
  });

  test("107 for data of another format", async () => {
    const { operations } = await hubs.start();
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

describe("what is going on", () => {
  test("channels with subscribers, summed over nodes, by pattern; a bad pattern is 100", async () => {
    const [here, there] = await hubs.startPair();
    for (const [hub, channel] of [
      [here, "told:a"],
      [there, "told:a"],
      [there, "b"],
    ] as const) {
      await (await hub.connect("ann")).ask({ subscribe: { channel } });
    }
    expect(await here.operations.channels("")).toEqual(
      new Map([
        ["told:a", 2],
        ["b", 1],
      ]),
    );
    expect([...(await there.operations.channels("told:*"))]).toEqual([["told:a", 2]]);
    expect(await codeOf(here.operations.channels("["))).toBe(100);
  });

  test("nodes, with their figures", async () => {
    const [here, there] = await hubs.startPair();
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
    const [here, there] = await hubs.startPair();
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
    const { hub, operations, clock } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
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

  test("history: a page of more than 8 MiB ends early, and goes on from its last publication", async () => {
    const { hub, operations } = await hubs.start();
    const mebibyte = JSON.stringify("x".repeat(1_048_576));
    for (let n = 0; n < 9; n += 1) await hub.publish("a", mebibyte);
    await hub.publish("a", JSON.stringify("x".repeat(9 * 1_048_576)));
    await hub.publish("a", "11");
    const offsetsOf = async (offset: number, reverse: boolean): Promise<number[]> => {
      const since = offset === 0 ? undefined : { offset, epoch: "" };
      const page = await operations.history({ channel: "a", limit: -1, since, reverse });
      expect(page.top.offset).toBe(11);
      return page.publications.map((found) => found.offset);
    };
    expect(await offsetsOf(0, false)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await offsetsOf(7, false)).toEqual([8, 9]);
    // Alone it is more than a page may have.
    expect(await offsetsOf(9, false)).toEqual([10]);
    expect(await offsetsOf(10, false)).toEqual([11]);
    expect(await offsetsOf(0, true)).toEqual([11]);
    expect(await offsetsOf(11, true)).toEqual([10]);
    expect(await offsetsOf(10, true)).toEqual([9, 8, 7, 6, 5, 4, 3]);
    expect(await offsetsOf(3, true)).toEqual([2, 1]);
    expect(await offsetsOf(1, true)).toEqual([]);
  });

  test("rpc: the server's own methods; 107 without a name, 104 for an unknown one", async () => {
    const { hub, operations } = await hubs.start();
    hub.hub.methods.server.set("double", async (params) => toJsonText(Number(params) * 2));
    expect(Number(await operations.rpc("double", toJsonText(4)))).toBe(8);
    expect(await codeOf(operations.rpc("", undefined))).toBe(107);
    expect(await codeOf(operations.rpc("other", undefined))).toBe(104);
  });
});
