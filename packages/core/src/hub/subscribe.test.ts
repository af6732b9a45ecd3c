import { afterEach, describe, expect, test } from "bun:test";
import {
  closedNamespace,
  type FaultyBus,
  FakeClock,
  openNamespace,
  RecordingFanOut,
  SeededRandom,
  TestClient,
  TestHub,
  type TestHubParts,
  turn,
  withFaults,
} from "@switchyard/testkit";
import { jsonCodec } from "@switchyard/protocol";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

const clientsOnly = {
  ...closedNamespace,
  allowSubscribeForClient: true,
  allowUserLimitedChannels: true,
};
const namespaces = {
  closed: closedNamespace,
  clients: clientsOnly,
  anyone: { ...clientsOnly, allowSubscribeForAnonymous: true },
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
  asked: { ...openNamespace, joinLeave: true },
};

async function started(
  parts: TestHubParts = {},
): Promise<{ readonly hub: TestHub; readonly bus: FaultyBus; readonly clock: FakeClock }> {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const bus = withFaults(createMemoryBus({ clock, random, node: nodeId("n") }));
  const hub = await new TestHub({ clock, random, bus, namespaces, ...parts }).start();
  hubs.push(hub);
  return { hub, bus, clock };
}

async function turns(count = 10): Promise<void> {
  for (let done = 0; done < count; done += 1) await turn();
}

/** What is left of a channel and its presence once nobody is on it. */
async function leftovers(hub: TestHub, channel: string): Promise<readonly number[]> {
  await turns();
  const { connections } = await hub.operations.presenceStats(channel);
  return [hub.hub.services.channels.size, connections, hub.fanOut.topics().size];
}

describe("who may subscribe", () => {
  const cases: readonly (readonly [user: string, channel: string, code: number | undefined])[] = [
    ["ann", "nowhere:a", 102],
    ["ann", "closed:a", 103],
    ["ann", "clients:a", undefined],
    ["", "clients:a", 103],
    ["", "anyone:a", undefined],
    ["ann", "$a", 103],
    ["ann", "clients:$a", 103],
    ["ann", "clients:room#ann,bob", undefined],
    ["carl", "clients:room#ann,bob", 103],
    ["", "clients:room#", 103],
    ["ann", "closed:room#ann", 103],
    ["ann", "#ann", undefined],
    ["ann", "#bob", 103],
    ["ann", "x".repeat(255), undefined],
    ["ann", "x".repeat(256), 107],
    ["ann", "with space", 107],
    ["ann", "clients:ключ", 107],
  ];
  for (const [user, channel, code] of cases) {
    test(`${user || "anonymous"} to ${channel.slice(0, 24)}: ${code ?? "yes"}`, async () => {
      const { hub } = await started();
      const client = await hub.connect(user);
      expect((await client.ask({ subscribe: { channel } })).error?.code).toBe(code);
    });
  }

  test("a token opens what is closed, and expires with 109, is forged with 103", async () => {
    const { hub, clock } = await started();
    hub.authenticator.issueSubscription("good", { channel: "closed:$a", user: "ann" });
    const past = clock.now() / 1_000 - 1;
    hub.authenticator.issueSubscription("past", {
      channel: "closed:$a",
      user: "ann",
      expireAt: past,
    });
    hub.authenticator.expire("old");
    const client = await hub.connect("ann");
    const codes = [];
    for (const token of ["old", "past", "forged", "good", "good"]) {
      codes.push((await client.ask({ subscribe: { channel: "closed:$a", token } })).error?.code);
    }
    expect(codes).toEqual([109, 109, 103, undefined, 105]);
    expect(client.closedWith).toBeUndefined();
  });

  for (const [what, claims] of Object.entries({
    "another channel": { channel: "b", user: "ann" },
    "another user": { channel: "a", user: "bob" },
    "another connection": { channel: "a", user: "ann", client: "c" },
  })) {
    test(`a token for ${what} closes with 3500`, async () => {
      const { hub } = await started();
      hub.authenticator.issueSubscription("t", claims);
      const client = await hub.connect("ann");
      client.send({ subscribe: { channel: "a", token: "t" } });
      await turns();
      expect(client.closedWith).toBe(3500);
      expect(await leftovers(hub, "a")).toEqual([0, 0, 0]);
    });
  }

  test("a token bound to this very connection is good; one without a user is the anonymous user's", async () => {
    const { hub } = await started();
    const ann = await hub.connect("ann");
    hub.authenticator.issueSubscription("bound", {
      channel: "$a",
      user: "ann",
      client: ann.connection.id,
    });
    hub.authenticator.issueSubscription("nobody", { channel: "$a" });
    expect((await ann.ask({ subscribe: { channel: "$a", token: "bound" } })).error).toBeUndefined();
    const anonymous = await hub.connect();
    expect(
      (await anonymous.ask({ subscribe: { channel: "$a", token: "nobody" } })).error,
    ).toBeUndefined();
  });

  test("insecure opens all, and presence is still 108 where it is off", async () => {
    const { hub } = await started({ client: { insecure: true } });
    const client = await hub.connect();
    expect((await client.ask({ subscribe: { channel: "closed:$a" } })).error).toBeUndefined();
    expect(
      (await client.ask({ publish: { channel: "closed:$a", data: 1 } })).error,
    ).toBeUndefined();
    expect((await client.ask({ presence: { channel: "closed:$a" } })).error?.code).toBe(108);
  });
});

describe("what is refused", () => {
  test("an empty channel and an unknown delta type close with 3501", async () => {
    const { hub } = await started();
    for (const request of [{ channel: "" }, {}, { channel: "a", delta: "xdelta" }]) {
      const client = await hub.connect();
      client.send({ subscribe: request });
      await turns(2);
      expect(client.closedWith).toBe(3501);
    }
  });

  test("other subscription types 103, filters 107; a delta that is known is not promised", async () => {
    const { hub } = await started();
    const client = await hub.connect();
    expect((await client.ask({ subscribe: { channel: "a", type: 1 } })).error?.code).toBe(103);
    const tf = { key: "k", cmp: "eq", val: "v" };
    expect((await client.ask({ subscribe: { channel: "a", tf } })).error?.code).toBe(107);
    const { subscribe } = await client.ask({ subscribe: { channel: "a", delta: "fossil" } });
    expect(subscribe).not.toHaveProperty("delta");
  });

  test("twice: 105; beyond the limit: 106, counting those on their way and the server's", async () => {
    const { hub } = await started({
      limits: { channelsPerConnection: 3 },
      client: { personalChannel: true },
    });
    const client = hub.open("ann");
    client.send(
      { connect: {} },
      { subscribe: { channel: "a" } },
      { subscribe: { channel: "a" } },
      { subscribe: { channel: "b" } },
      { subscribe: { channel: "c" } },
    );
    await turns();
    const errors = client.messages.map(({ id = 0, error }) => [id, error?.code] as const);
    expect(errors.toSorted(([one], [other]) => one - other)).toEqual([
      [1, undefined],
      [2, undefined],
      [3, 105],
      [4, undefined],
      [5, 106],
    ]);
    await client.ask({ unsubscribe: { channel: "b" } });
    expect((await client.ask({ subscribe: { channel: "c" } })).error).toBeUndefined();
  });

  for (const operation of ["subscribe", "history", "presence.add"] as const) {
    test(`${operation} fails: 100, temporary, and nothing stays; the next attempt succeeds`, async () => {
      const { hub, bus } = await started();
      const client = await hub.connect();
      bus.fail(operation);
      expect((await client.ask({ subscribe: { channel: "a" } })).error).toEqual({
        code: 100,
        message: "internal server error",
        temporary: true,
      });
      bus.heal();
      expect(await leftovers(hub, "a")).toEqual([0, 0, 0]);
      expect((await client.ask({ subscribe: { channel: "a" } })).error).toBeUndefined();
      await hub.publish("a", "1");
      expect(client.publications("a")).toEqual([1]);
    });

    test(`the connection ends while ${operation} is on its way: nothing stays`, async () => {
      const { hub, bus } = await started();
      const client = await hub.connect();
      const release = bus.hold(operation);
      client.send(
        { subscribe: { channel: "a" } },
        { unsubscribe: { channel: "a" } },
        { subscribe: { channel: "a" } },
      );
      await turns();
      client.vanish();
      release();
      expect(await leftovers(hub, "a")).toEqual([0, 0, 0]);
      expect(hub.observer.of("subscribed")).toBe(hub.observer.of("unsubscribed"));
    });
  }

  test("a bus that cannot unsubscribe costs a line in the log, no more", async () => {
    const { hub, bus } = await started();
    const client = await hub.connect();
    await client.ask({ subscribe: { channel: "a" } });
    bus.fail("unsubscribe", "presence.remove");
    await client.ask({ unsubscribe: { channel: "a" } });
    await turns();
    bus.heal();
    expect(hub.log.lines.filter(({ level }) => level === "warn")).toHaveLength(2);
    await client.ask({ subscribe: { channel: "a" } });
    await hub.publish("a", "1");
    expect(client.publications("a")).toEqual([1]);
  });

  test("the reply itself makes the link overflow: nothing stays", async () => {
    class Overflowing extends RecordingFanOut {
      trip: (() => void) | undefined;
    }
    const { hub } = await started();
    for (const method of ["connect", "subscribe"] as const) {
      const fanOut = new Overflowing();
      const link = fanOut.open();
      const send = link.send.bind(link);
      const request = {
        requestId: "r",
        remoteAddress: "",
        bearerToken: undefined,
        trustedUser: "ann",
      };
      const connection = hub.hub.open(link, jsonCodec, request);
      const client = new TestClient(link, connection);
      link.send = (frame) => {
        send(frame);
        if (!String(frame).includes(`"${method}"`)) return;
        link.vanish();
        connection.transportClosed(1006, true);
      };
      client.send({ connect: {} }, { subscribe: { channel: "a" } });
      expect(await leftovers(hub, "a")).toEqual([0, 0, 0]);
      expect(hub.hub.services.connections.size).toBe(0);
    }
    expect(hub.observer.of("closed 3008")).toBe(2);
  });
});

describe("order", () => {
  test("the reply comes before the first push, whatever is published meanwhile", async () => {
    const { hub, bus } = await started();
    const client = await hub.connect();
    const release = bus.hold("presence.add");
    const [id] = client.send({ subscribe: { channel: "a" } });
    for (let n = 1; n <= 3; n += 1) {
      await turn();
      await hub.publish("a", String(n));
    }
    release();
    await turns();
    for (let n = 4; n <= 5; n += 1) await hub.publish("a", String(n));
    const [, reply, ...pushes] = client.messages;
    expect(reply).toMatchObject({ id, subscribe: { offset: 3 } });
    expect(pushes.map(({ push = {} }) => (push["pub"] as { data: number }).data)).toEqual([4, 5]);
  });

  test("ten times in and out in a row leave one subscription and one presence entry", async () => {
    const { hub } = await started();
    const client = await hub.connect();
    for (let n = 0; n < 10; n += 1) {
      client.send({ subscribe: { channel: "a" } });
      client.send({ unsubscribe: { channel: "a" } });
    }
    client.send({ subscribe: { channel: "a" } });
    await turns(40);
    expect(client.messages.filter(({ error }) => error)).toEqual([]);
    expect((await hub.operations.presence("a")).size).toBe(1);
    await hub.publish("a", "1");
    expect(client.publications("a")).toEqual([1]);
    expect(hub.observer.of("subscribed") - hub.observer.of("unsubscribed")).toBe(1);
    await client.ask({ unsubscribe: { channel: "a" } });
    expect(await leftovers(hub, "a")).toEqual([0, 0, 0]);
  });

  test("an unsubscribe waits for the subscribe before it, and is a success for what is not subscribed", async () => {
    const { hub, bus } = await started();
    const client = await hub.connect();
    const release = bus.hold("history");
    client.send({ subscribe: { channel: "a" } }, { unsubscribe: { channel: "a" } });
    expect(await client.ask({ unsubscribe: { channel: "b" } })).toEqual({ id: 4, unsubscribe: {} });
    release();
    await turns();
    expect(client.messages.map(({ id }) => id)).toEqual([1, 4, 2, 3]);
    await hub.publish("a", "1");
    expect(client.pushes).toEqual([]);
  });

  test("a subscribe that is in flight does not hold up other channels", async () => {
    const { hub, bus } = await started();
    const client = await hub.connect();
    const release = bus.hold("history");
    client.send({ subscribe: { channel: "a" } });
    await client.ask({ presence: { channel: "b" } });
    release();
    await turns();
    expect(client.messages.map(({ id }) => id)).toEqual([1, 3, 2]);
  });
});

describe("join and leave", () => {
  interface Told {
    readonly join?: { readonly info: { readonly user: string } };
    readonly leave?: { readonly info: { readonly user: string } };
  }
  const infos = (client: TestClient): unknown[] =>
    client.pushes.map(({ join, leave }: Told) =>
      join ? `join ${join.info.user}` : `leave ${leave?.info.user}`,
    );

  test("go to everybody where they are forced, the newcomer included", async () => {
    const { hub } = await started();
    const ann = await hub.connect("ann");
    await ann.ask({ subscribe: { channel: "told:a" } });
    const bob = await hub.connect("bob");
    await bob.ask({ subscribe: { channel: "told:a" } });
    await turns();
    await bob.ask({ unsubscribe: { channel: "told:a" } });
    await turns();
    expect(infos(ann)).toEqual(["join ann", "join bob", "leave bob"]);
    expect(infos(bob)).toEqual(["join bob"]);
  });

  test("go only to those who asked where it is left to them, and tell of everybody", async () => {
    const { hub } = await started();
    const ann = await hub.connect("ann");
    await ann.ask({ subscribe: { channel: "asked:a", join_leave: true } });
    const bob = await hub.connect("bob");
    await bob.ask({ subscribe: { channel: "asked:a" } });
    bob.vanish();
    await turns();
    expect(infos(ann)).toEqual(["join ann", "join bob", "leave bob"]);
    expect(infos(bob)).toEqual([]);
  });

  test("go to nobody where they are off, asked for or not", async () => {
    const { hub } = await started();
    const ann = await hub.connect("ann");
    await ann.ask({ subscribe: { channel: "a", join_leave: true } });
    const bob = await hub.connect("bob");
    await bob.ask({ subscribe: { channel: "a", join_leave: true } });
    bob.vanish();
    await turns();
    expect([infos(ann), infos(bob)]).toEqual([[], []]);
  });
});

test("a publication that is not JSON: subscribers with JSON are closed with 3506, the channel lives on", async () => {
  const { hub } = await started();
  const [ann, bob] = [await hub.connect("ann"), await hub.connect("bob")];
  await ann.ask({ subscribe: { channel: "a" } });
  await bob.ask({ subscribe: { channel: "b" } });
  const plain = {
    skipHistory: false,
    tags: undefined,
    idempotencyKey: "",
    version: 0,
    versionEpoch: "",
  };
  await hub.operations.publish({ channel: "a", data: Uint8Array.of(0xff), ...plain });
  expect([ann.closedWith, bob.closedWith]).toEqual([3506, undefined]);
  expect(await leftovers(hub, "a")).toEqual([1, 0, 1]);
  // Who comes to recover it is refused the same way.
  const back = await hub.connect("ann");
  back.send({ subscribe: { channel: "a", recover: true } });
  await turns();
  expect(back.closedWith).toBe(3506);
  const reader = await hub.connect("ann");
  reader.send({ history: { channel: "a", limit: 10 } });
  await turns();
  expect(reader.closedWith).toBe(3506);
  expect(await leftovers(hub, "a")).toEqual([1, 0, 1]);
});
