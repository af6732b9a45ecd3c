import { afterEach, describe, expect, test } from "bun:test";
import { closedNamespace, openNamespace, turn } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { undecided } from "./harness/server-requests.ts";
import { closed, TestHubs, turns } from "./harness/test-hubs.ts";

const hubs = new TestHubs();
afterEach(() => hubs.stop());

describe("server-side subscriptions of the token", () => {
  const claims = {
    info: toJsonText({ role: "owner" }),
    data: toJsonText({ d: 1 }),
    override: { ...undecided, joinLeave: true, forcePushJoinLeave: true },
  };

  test("come with the reply: data, info, override, position; and deliver", async () => {
    const { hub } = await hubs.start();
    await hub.publish("news", "0");
    hub.authenticator.issueConnection("t", {
      user: "ann",
      subscriptions: new Map([
        ["news", claims],
        ["nowhere:x", claims],
      ]),
    });
    const client = hub.open();
    const reply = await client.ask({ connect: { token: "t" } });
    const { subs } = reply["connect"] as { subs: Record<string, unknown> };
    expect(subs).toEqual({
      news: {
        recoverable: true,
        positioned: true,
        epoch: expect.any(String),
        offset: 1,
        data: { d: 1 },
      },
    });
    await turn();
    await hub.publish("news", "1");
    const info = { user: "ann", client: client.connection.id, chan_info: { role: "owner" } };
    expect(client.pushes).toEqual([
      { channel: "news", join: { info } },
      { channel: "news", pub: { data: 1, offset: 2 } },
    ]);
    expect(await client.ask({ presence: { channel: "news" } })).toMatchObject({
      presence: { presence: { [client.connection.id]: info } },
    });
    expect((await client.ask({ subscribe: { channel: "news" } })).error?.code).toBe(105);
    expect(hub.log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("recover from the positions that the client brings", async () => {
    const { hub } = await hubs.start();
    hub.authenticator.issueConnection("t", {
      user: "ann",
      subscriptions: new Map([["news", claims]]),
    });
    const first = hub.open();
    const { subs } = (await first.ask({ connect: { token: "t" } }))["connect"] as {
      subs: { news: { epoch: string } };
    };
    const { epoch } = subs.news;
    first.vanish();
    for (const n of ["1", "2"]) await hub.publish("news", n);
    const back = hub.open();
    const position = { recover: true, epoch };
    expect(await back.ask({ connect: { token: "t", subs: { news: position } } })).toMatchObject({
      connect: {
        subs: {
          news: {
            recovered: true,
            was_recovering: true,
            publications: [
              { data: 1, offset: 1 },
              { data: 2, offset: 2 },
            ],
          },
        },
      },
    });
    const lost = hub.open();
    const other = { news: { recover: true, epoch: "other", offset: 1 } };
    const reply = await lost.ask({ connect: { token: "t", subs: other } });
    expect((reply["connect"] as { subs: unknown }).subs).toEqual({
      news: {
        recoverable: true,
        positioned: true,
        was_recovering: true,
        epoch,
        offset: 2,
        data: { d: 1 },
      },
    });
  });

  test("the personal channel is the user's own, and absent for the anonymous user", async () => {
    const { hub } = await hubs.start({ client: { personalChannel: true } });
    const ann = hub.open("ann");
    const reply = await ann.ask({ connect: {} });
    expect(Object.keys((reply["connect"] as { subs: object }).subs)).toEqual(["#ann"]);
    await hub.publish("#ann", '"hello"');
    expect(ann.publications("#ann")).toEqual(["hello"]);
    const anonymous = await hub.open().ask({ connect: {} });
    expect(anonymous["connect"]).not.toHaveProperty("subs");
  });

  test("no personal channel where its namespace is not configured", async () => {
    const { hub } = await hubs.start({
      client: { personalChannel: true, personalPrefix: "personal:#" },
    });
    const reply = await hub.open("ann").ask({ connect: {} });
    expect(reply["connect"]).not.toHaveProperty("subs");
  });

  for (const operation of ["history", "subscribe", "presence.add"] as const) {
    test(`when ${operation} fails: error 100, and nothing stays reserved`, async () => {
      const { hub, bus } = await hubs.start({
        namespaces: { closed: { ...closedNamespace, presence: true }, open: openNamespace },
      });
      const subscriptions = new Map(["open:a", "closed:b", "open:c"].map((name) => [name, claims]));
      hub.authenticator.issueConnection("t", { user: "ann", subscriptions });
      bus.fail(operation);
      const client = hub.open();
      expect((await client.ask({ connect: { token: "t" } })).error?.code).toBe(100);
      bus.heal();
      await turns(5);
      expect(hub.hub.services.channels.size).toBe(0);
      expect((await hub.operations.usersOnline("all")).size).toBe(0);
      for (const name of subscriptions.keys()) {
        expect((await hub.operations.presenceStats(name)).connections).toBe(0);
      }
      client.vanish();
      expect(hub.hub.services.connections.size).toBe(0);
    });
  }

  test("the client goes while they are being prepared: nothing stays", async () => {
    const { hub, bus } = await hubs.start();
    hub.authenticator.issueConnection("t", {
      user: "ann",
      subscriptions: new Map([["a", claims]]),
    });
    const release = bus.hold("presence.add");
    const client = hub.open();
    client.send({ connect: { token: "t" } });
    await turns(5);
    client.vanish();
    release();
    await turns(5);
    expect(hub.hub.services.channels.size).toBe(0);
    expect((await hub.operations.presenceStats("a")).connections).toBe(0);
    expect([hub.observer.of("subscribed"), hub.observer.of("closed 1006")]).toEqual([0, 1]);
  });

  test("a missed publication that is not JSON: 3506, and nothing stays", async () => {
    const { hub } = await hubs.start();
    hub.authenticator.issueConnection("t", {
      user: "ann",
      subscriptions: new Map([["a", claims]]),
    });
    await hub.operations.publish({
      channel: "a",
      data: Uint8Array.of(1),
      skipHistory: false,
      tags: undefined,
      idempotencyKey: "",
      version: 0,
      versionEpoch: "",
    });
    const client = hub.open();
    client.send({ connect: { token: "t", subs: { a: { recover: true } } } });
    expect(await closed(client)).toBe(3506);
    await turns(5);
    expect(hub.hub.services.channels.size).toBe(0);
    expect((await hub.operations.presenceStats("a")).connections).toBe(0);
  });
});
