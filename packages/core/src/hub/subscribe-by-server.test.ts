import { afterEach, describe, expect, test } from "bun:test";
import { closedNamespace, openNamespace } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { codeOf, one, order, publication, undecided, user } from "./harness/server-requests.ts";
import { TestHubs, turns } from "./harness/test-hubs.ts";

const namespaces = {
  closed: closedNamespace,
  objects: { ...openNamespace, publicationDataFormat: "json_object" },
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
} as const;

const hubs = new TestHubs({ namespaces });
afterEach(() => hubs.stop());

describe("subscribe", () => {
  test("adds to the live connections meant: push, info, presence, delivery; nobody connected is a success", async () => {
    const { hub, operations } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, bus } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
    const client = await hub.connect("ann");
    await client.ask({ subscribe: { channel: "a" } });
    await operations.subscribe(order(one(client), "a"));
    await hub.publish("a", "1");
    expect(client.publications("a")).toEqual([1]);
  });

  test("what was missed follows the push, when it can be had", async () => {
    const { hub, operations } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, clock } = await hubs.start({ limits: { channelsPerConnection: 2 } });
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
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, bus } = await hubs.start();
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
