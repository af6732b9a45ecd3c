import { afterEach, describe, expect, test } from "bun:test";
import { closedNamespace, openNamespace, type TestClient } from "@switchyard/testkit";
import { disconnects, toJsonText, unsubscribes } from "@switchyard/protocol";
import { codeOf, everybody, one, order, user } from "./harness/server-requests.ts";
import { TestHubs, turns } from "./harness/test-hubs.ts";

const namespaces = {
  closed: closedNamespace,
  objects: { ...openNamespace, publicationDataFormat: "json_object" },
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
} as const;

const hubs = new TestHubs({ namespaces });
afterEach(() => hubs.stop());

describe("unsubscribe", () => {
  test("ends client-side and server-side subscriptions, and tells those that had none", async () => {
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, bus } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
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
    const { hub, operations } = await hubs.start();
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
      const { hub, operations } = await hubs.start();
      const client = await hub.connect("ann");
      await operations.disconnect({ target: one(client), spare: [], disconnect });
      expect(client.pushes).toEqual([{ disconnect }]);
      expect(client.link.closedWith).toEqual(disconnect);
      expect(hub.observer.of(`closed ${disconnect.code}`)).toBe(1);
    });
  }

  test("the anonymous user is a user; all are all", async () => {
    const { hub, operations } = await hubs.start();
    const [anonymous, ann] = [await hub.connect(), await hub.connect("ann")];
    await operations.disconnect({ target: user(""), spare: [], disconnect: undefined });
    expect([anonymous.closedWith, ann.closedWith]).toEqual([3503, undefined]);
    await operations.disconnect({ target: everybody, spare: [], disconnect: undefined });
    expect(ann.closedWith).toBe(3503);
  });

  test("3000 ends without a word", async () => {
    const { hub, operations } = await hubs.start();
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
    const { hub, operations, clock } = await hubs.start();
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
    const { hub, operations, clock } = await hubs.start();
    const client = await hub.connect("ann");
    await operations.refresh({ ...renew, target: one(client), expireAt: clock.now() });
    const [{ refresh }] = client.pushes as [{ refresh: { ttl: number } }];
    expect(refresh.ttl).toBe(366 * 24 * 3_600);
  });
});

describe("send", () => {
  test("to a user, to one of their connections, to one connection, to all; says to how many", async () => {
    const [here, there] = await hubs.startPair();
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
    const { hub, operations } = await hubs.start();
    const waiting = hub.open("ann");
    const client = await hub.connect("ann");
    expect(await operations.send(user("ann", "", "another session"), toJsonText(1))).toBe(0);
    expect(await operations.send(everybody, toJsonText(1))).toBe(1);
    expect([waiting.pushes.length, client.pushes.length]).toEqual([0, 1]);
  });
});
