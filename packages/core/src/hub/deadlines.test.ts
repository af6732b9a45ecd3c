import { afterEach, describe, expect, test } from "bun:test";
import { openNamespace, SeededRandom, type TestClient, turn } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { type HubParts, type StartedHub, TestHubs } from "./harness/test-hubs.ts";

const hubs = new TestHubs();
afterEach(() => hubs.stop());

interface World extends StartedHub {
  /** Unix seconds, `after` seconds from now. */
  readonly at: (after: number) => number;
}

async function started(parts: HubParts = {}): Promise<World> {
  const world = await hubs.start(parts);
  return { ...world, at: (after) => world.clock.now() / 1000 + after };
}

const pings = (client: TestClient): number =>
  client.messages.filter((message) => Object.keys(message).length === 0).length;

describe("pings", () => {
  test("the first comes after half to a whole interval, spread over it", async () => {
    const { hub, clock } = await started({ random: new SeededRandom(5) });
    const clients = await Promise.all(Array.from({ length: 40 }, () => hub.connect()));
    await clock.advance(12_400);
    expect(clients.map(pings).filter((count) => count > 0)).toEqual([]);
    const early = async (ms: number): Promise<number> => {
      await clock.advance(ms);
      return clients.filter((client) => pings(client) > 0).length;
    };
    const third = await early(4_200);
    expect(third).toBeGreaterThan(4);
    expect(third).toBeLessThan(30);
    await clock.advance(8_600);
    expect(clients.map((client) => pings(client) > 0 || client.closedWith === 3012)).not.toContain(
      false,
    );
  });

  test("one pong per ping; then the next comes an interval later", async () => {
    const { hub, clock } = await started();
    const client = await hub.connect();
    for (let count = 1; count <= 4; count += 1) {
      while (pings(client) < count) await clock.advance(100);
      client.sendRaw("{}");
      const before = clock.monotonic();
      await clock.advance(24_800);
      expect(pings(client)).toBe(count);
      await clock.advance(400);
      expect(pings(client)).toBe(count + 1);
      expect(clock.monotonic() - before).toBe(25_200);
      client.sendRaw("{}");
      count += 1;
    }
    expect(client.closedWith).toBeUndefined();
  });

  test("a pong that answers no ping closes with 3501, the second of one ping too", async () => {
    const { hub, clock } = await started();
    const unasked = await hub.connect();
    unasked.sendRaw("{}");
    expect(unasked.closedWith).toBe(3501);
    const twice = await hub.connect();
    while (pings(twice) === 0) await clock.advance(100);
    twice.sendRaw("{}");
    expect(twice.closedWith).toBeUndefined();
    twice.sendRaw("{}");
    expect(twice.closedWith).toBe(3501);
  });

  test("no pong in time closes with 3012, other commands or not", async () => {
    const { hub, clock } = await started();
    const client = await hub.connect();
    while (pings(client) === 0) await clock.advance(100);
    await client.ask({ presence: { channel: "a" } });
    await clock.advance(7_900);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(300);
    expect(client.closedWith).toBe(3012);
    expect(client.pushes).toEqual([{ disconnect: { code: 3012, reason: "no pong" } }]);
    expect([hub.hub.services.connections.size, hub.observer.of("closed 3012")]).toEqual([0, 1]);
  });

  test("without a pong timeout nobody is asked for one", async () => {
    const { hub, clock } = await started({ client: { pongTimeoutMs: 0 } });
    const client = await hub.connect();
    await clock.advance(100_000);
    expect(pings(client)).toBeGreaterThan(2);
    expect(client.closedWith).toBeUndefined();
  });
});

describe("a connection token's expiry", () => {
  test("closes with 3005 after the grace period", async () => {
    const { hub, clock, at } = await started({ client: { pingIntervalMs: 0 } });
    hub.authenticator.issueConnection("t", { user: "ann", expireAt: at(60) });
    const client = hub.open();
    await client.ask({ connect: { token: "t" } });
    await clock.advance(84_900);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(300);
    expect(client.closedWith).toBe(3005);
  });

  test("a refresh in the grace period is in time; one without expiry ends it", async () => {
    const { hub, clock, at } = await started({ client: { pingIntervalMs: 0 } });
    hub.authenticator.issueConnection("t", { user: "ann", expireAt: at(60), info: toJsonText(1) });
    hub.authenticator.issueConnection("t2", {
      user: "ann",
      expireAt: at(200),
      info: toJsonText(2),
    });
    hub.authenticator.issueConnection("t3", { user: "ann" });
    const client = hub.open();
    await client.ask({ connect: { token: "t" } });
    await clock.advance(80_000);
    expect(await client.ask({ refresh: { token: "t2" } })).toEqual({
      id: 2,
      refresh: { client: client.connection.id, version: "0.0.0", expires: true, ttl: 120 },
    });
    await client.ask({ subscribe: { channel: "a" } });
    expect(await client.ask({ presence: { channel: "a" } })).toMatchObject({
      presence: { presence: { [client.connection.id]: { conn_info: 2 } } },
    });
    await clock.advance(100_000);
    expect(client.closedWith).toBeUndefined();
    expect(await client.ask({ refresh: { token: "t3" } })).toEqual({
      id: 5,
      refresh: { client: client.connection.id, version: "0.0.0" },
    });
    await clock.advance(1_000_000);
    expect(client.closedWith).toBeUndefined();
  });

  const wrong = {
    "an empty token": ["", 3501],
    "an invalid token": ["forged", 3500],
    "another user's": ["bob", 3500],
    "an expired one": ["old", 3005],
    "one that has ended": ["past", 3005],
  } as const;
  for (const [what, [token, code]] of Object.entries(wrong)) {
    test(`a refresh with ${what} closes with ${code}`, async () => {
      const { hub, at } = await started();
      hub.authenticator.issueConnection("t", { user: "ann", expireAt: at(60) });
      hub.authenticator.issueConnection("bob", { user: "bob" });
      hub.authenticator.issueConnection("past", { user: "ann", expireAt: at(-1) });
      hub.authenticator.expire("old");
      const client = hub.open();
      await client.ask({ connect: { token: "t" } });
      client.send({ refresh: { token } });
      await turn();
      await turn();
      expect(client.closedWith).toBe(code);
    });
  }
});

describe("a subscription token's expiry", () => {
  async function subscribed(): Promise<World & { readonly client: TestClient }> {
    const world = await started({ client: { pingIntervalMs: 0 } });
    world.hub.authenticator.issueSubscription("s", { channel: "$a", expireAt: world.at(60) });
    const client = await world.hub.connect();
    const reply = await client.ask({ subscribe: { channel: "$a", token: "s" } });
    expect(reply).toMatchObject({ subscribe: { expires: true, ttl: 60 } });
    return { ...world, client };
  }

  test("ends it with 2501 after the grace period; the connection stays", async () => {
    const { client, clock, hub } = await subscribed();
    await clock.advance(84_900);
    expect(client.pushes).toEqual([]);
    await clock.advance(300);
    expect(client.pushes).toEqual([
      { channel: "$a", unsubscribe: { code: 2501, reason: "subscription expired" } },
    ]);
    expect(client.closedWith).toBeUndefined();
    expect((await hub.operations.presenceStats("$a")).connections).toBe(0);
  });

  test("sub_refresh puts it off, or ends it", async () => {
    const { client, clock, hub, at } = await subscribed();
    hub.authenticator.issueSubscription("s2", { channel: "$a", expireAt: at(200) });
    hub.authenticator.issueSubscription("s3", { channel: "$a" });
    await clock.advance(80_000);
    expect(await client.ask({ sub_refresh: { channel: "$a", token: "s2" } })).toEqual({
      id: 3,
      sub_refresh: { expires: true, ttl: 120 },
    });
    await clock.advance(100_000);
    expect(client.pushes).toEqual([]);
    expect(await client.ask({ sub_refresh: { channel: "$a", token: "s3" } })).toEqual({
      id: 4,
      sub_refresh: {},
    });
    await clock.advance(1_000_000);
    expect(client.pushes).toEqual([]);
  });

  test("sub_refresh refuses what is expired (110), not subscribed (103) or not given (107)", async () => {
    const { client, hub, at } = await subscribed();
    hub.authenticator.expire("old");
    hub.authenticator.issueSubscription("past", { channel: "$a", expireAt: at(-1) });
    const codes = [];
    for (const request of [
      { channel: "$a", token: "old" },
      { channel: "$a", token: "past" },
      { channel: "b", token: "s" },
      { channel: "$a" },
    ]) {
      codes.push((await client.ask({ sub_refresh: request })).error?.code);
    }
    expect(codes).toEqual([110, 110, 103, 107]);
  });

  for (const [what, claims] of Object.entries({
    "for another channel": { channel: "b" },
    "of another user": { channel: "$a", user: "bob" },
    "for another connection": { channel: "$a", client: "c" },
    "that is forged": undefined,
  })) {
    test(`sub_refresh with a token ${what} closes with 3500`, async () => {
      const { client, hub } = await subscribed();
      if (claims) hub.authenticator.issueSubscription("x", claims);
      client.send({ sub_refresh: { channel: "$a", token: "x" } });
      await turn();
      await turn();
      expect(client.closedWith).toBe(3500);
    });
  }

  test("of a server-side subscription: the connection ends with 3006", async () => {
    const { hub, clock, at } = await started({ client: { pingIntervalMs: 0 } });
    const client = await hub.connect("ann");
    await hub.operations.subscribe({
      target: { kind: "user", user: "ann", client: "", session: "" },
      channel: "a",
      info: undefined,
      data: undefined,
      expireAt: at(10),
      recoverSince: undefined,
      override: {
        presence: undefined,
        joinLeave: undefined,
        forceRecovery: undefined,
        forcePositioning: undefined,
        forcePushJoinLeave: undefined,
      },
    });
    await clock.advance(34_900);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(300);
    expect(client.closedWith).toBe(3006);
  });

  test("the earliest of several is met, and each at its time", async () => {
    const { hub, clock, at } = await started({
      client: { pingIntervalMs: 0, expiryGraceMs: 0 },
      namespaces: { n: openNamespace },
    });
    const client = await hub.connect();
    for (const [channel, after] of [
      ["n:late", 30],
      ["n:soon", 10],
      ["n:mid", 20],
    ] as const) {
      hub.authenticator.issueSubscription(channel, { channel, expireAt: at(after) });
      await client.ask({ subscribe: { channel, token: channel } });
    }
    const ended: string[][] = [];
    for (let step = 0; step < 3; step += 1) {
      await clock.advance(10_100);
      ended.push(client.pushes.map(({ channel }) => String(channel)));
    }
    expect(ended.at(-1)).toEqual(["n:soon", "n:mid", "n:late"]);
    expect(ended.map(({ length }) => length)).toEqual([1, 2, 3]);
  });
});

test("a connection that has gone leaves no deadline behind", async () => {
  const { hub, clock } = await started();
  const timers = clock.pending;
  const clients = await Promise.all(Array.from({ length: 20 }, () => hub.connect()));
  hub.open();
  expect(clock.pending).toBe(timers);
  for (const client of clients) client.vanish();
  await clock.advance(60_000);
  expect(clients.map(pings)).toEqual(clients.map(() => 0));
});
