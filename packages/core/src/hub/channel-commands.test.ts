import { afterEach, describe, expect, test } from "bun:test";
import {
  closedNamespace,
  openNamespace,
  type TestClient,
  type TestHub,
  turn,
} from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { TestHubs, turns } from "./harness/test-hubs.ts";

const readers = {
  ...closedNamespace,
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
};
const stored = { presence: true, retention: openNamespace.retention };
const namespaces = {
  closed: readers,
  stored: { ...readers, ...stored },
  clients: {
    ...readers,
    ...stored,
    allowPublishForClient: true,
    allowPresenceForClient: true,
    allowHistoryForClient: true,
  },
  subscribers: {
    ...readers,
    ...stored,
    allowPublishForSubscriber: true,
    allowPresenceForSubscriber: true,
    allowHistoryForSubscriber: true,
  },
  objects: { ...openNamespace, publicationDataFormat: "json_object" },
  slow: { ...openNamespace, publicationsPerSecond: 2 },
} as const;

const hubs = new TestHubs({ namespaces });
afterEach(() => hubs.stop());

const commands = {
  publish: (channel: string) => ({ publish: { channel, data: 1 } }),
  presence: (channel: string) => ({ presence: { channel } }),
  presence_stats: (channel: string) => ({ presence_stats: { channel } }),
  history: (channel: string) => ({ history: { channel } }),
} as const;

async function code(client: TestClient, command: object): Promise<number | undefined> {
  return (await client.ask(command as Record<string, unknown>)).error?.code;
}

for (const [method, command] of Object.entries(commands)) {
  describe(method, () => {
    test("an empty channel closes with 3501", async () => {
      const { hub } = await hubs.start();
      const client = await hub.connect();
      client.send(command(""));
      await turn();
      expect(client.closedWith).toBe(3501);
    });

    test("102 without a namespace, 107 for a bad name, 103 without permission", async () => {
      const { hub } = await hubs.start();
      const client = await hub.connect("ann");
      expect(await code(client, command("nowhere:a"))).toBe(102);
      expect(await code(client, command("x".repeat(256)))).toBe(107);
      expect(await code(client, command("stored:a"))).toBe(103);
    });

    test(`${method === "publish" ? 103 : 108} where it is off, whatever is permitted`, async () => {
      const { hub } = await hubs.start({ client: { insecure: method !== "publish" } });
      expect(await code(await hub.connect("ann"), command("closed:a"))).toBe(
        method === "publish" ? 103 : 108,
      );
    });

    test("for clients: users, not the anonymous one", async () => {
      const { hub } = await hubs.start();
      expect(await code(await hub.connect("ann"), command("clients:a"))).toBeUndefined();
      expect(await code(await hub.connect(), command("clients:a"))).toBe(103);
    });

    test("for subscribers: from the subscribe on, until the unsubscribe, in the order of the commands", async () => {
      const { hub } = await hubs.start();
      const client = await hub.connect("ann");
      client.send(
        command("subscribers:a"),
        { subscribe: { channel: "subscribers:a" } },
        command("subscribers:a"),
        { unsubscribe: { channel: "subscribers:a" } },
      );
      await turns(20);
      const codes = client.messages
        .filter(({ id }) => id === 2 || id === 4)
        .map(({ id = 0, error }) => [id, error?.code] as const);
      expect(codes.toSorted(([one], [other]) => one - other)).toEqual([
        [2, 103],
        [4, undefined],
      ]);
      expect(await code(client, command("subscribers:a"))).toBe(103);
    });

    test("the bus fails: 100, temporary", async () => {
      const { hub, bus } = await hubs.start();
      bus.fail("publish", "presence.members", "presence.stats", "history");
      const client = await hub.connect("ann");
      expect((await client.ask(command("clients:a"))).error).toMatchObject({
        code: 100,
        temporary: true,
      });
      expect(client.closedWith).toBeUndefined();
    });
  });
}

describe("unsubscribe", () => {
  test("behind a subscribe that hangs: 3004 after 5 s, and nothing stays when the bus comes back", async () => {
    const { hub, bus, clock } = await hubs.start();
    const [ann, bob] = [await hub.connect("ann"), await hub.connect("bob")];
    const timers = clock.pending;
    const release = bus.hold("subscribe");
    for (const client of [ann, bob])
      client.send({ subscribe: { channel: "a" } }, { unsubscribe: { channel: "b" } });
    ann.send({ unsubscribe: { channel: "a" } }, { unsubscribe: { channel: "a" } });
    await clock.advance(4_999);
    expect([ann.closedWith, bob.closedWith]).toEqual([undefined, undefined]);
    await clock.advance(1);
    expect([ann.closedWith, bob.closedWith]).toEqual([3004, undefined]);
    expect(ann.messages.map(({ id }) => id)).toEqual([1, 3, undefined]);
    expect(hub.log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    release();
    await clock.advance(0);
    expect(bob.messages.map(({ id }) => id)).toEqual([1, 3, 2]);
    expect(hub.observer.of("subscribed")).toBe(1);
    expect(clock.pending).toBe(timers);
  });

  test("behind one that takes its time: answered, and no limit goes on", async () => {
    const { hub, bus, clock } = await hubs.start();
    const client = await hub.connect("ann");
    const timers = clock.pending;
    const release = bus.hold("history");
    client.send({ subscribe: { channel: "a" } }, { unsubscribe: { channel: "a" } });
    await clock.advance(4_999);
    release();
    await clock.advance(0);
    expect(client.messages.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(clock.pending).toBe(timers);
    await clock.advance(1);
    expect(client.closedWith).toBeUndefined();
  });
});

describe("publish", () => {
  test("carries who published, with the subscription's info when there is one", async () => {
    const { hub } = await hubs.start();
    hub.authenticator.issueConnection("t", { user: "ann", info: toJsonText({ name: "Ann" }) });
    hub.authenticator.issueSubscription("s", {
      channel: "$a",
      user: "ann",
      info: toJsonText({ seat: 1 }),
    });
    const ann = hub.open();
    await ann.ask({ connect: { token: "t" } });
    await ann.ask({ subscribe: { channel: "$a", token: "s" } });
    hub.authenticator.issueSubscription("b", { channel: "$a", user: "bob" });
    const bob = await hub.connect("bob");
    await bob.ask({ subscribe: { channel: "$a", token: "b" } });
    expect(await ann.ask({ publish: { channel: "$a", data: { big: 1 } } })).toEqual({
      id: 3,
      publish: {},
    });
    const info = { user: "ann", client: ann.connection.id, conn_info: { name: "Ann" } };
    const withSeat = { ...info, chan_info: { seat: 1 } };
    expect(bob.pushes[0]).toMatchObject({
      channel: "$a",
      pub: { data: { big: 1 }, info: withSeat },
    });
    expect(ann.pushes).toHaveLength(1);
    await ann.ask({ publish: { channel: "elsewhere", data: 2 } });
    const page = await bob.ask({ history: { channel: "elsewhere", limit: 1 } });
    expect(page["history"]).toMatchObject({ publications: [{ data: 2, offset: 1, info }] });
    expect(hub.observer.of("accepted client")).toBe(2);
  });

  test("keeps the payload's own text", async () => {
    const { hub } = await hubs.start();
    const client = await hub.connect("ann");
    await client.ask({ subscribe: { channel: "a" } });
    client.sendRaw('{"id":9,"publish":{"channel":"a","data":{"n": 9007199254740993, "f":1.0}}}');
    await turn();
    expect(client.link.texts.at(-2)).toContain('"data":{"n": 9007199254740993, "f":1.0}');
  });

  test("107 without data and for data of another format; null is data", async () => {
    const { hub } = await hubs.start();
    const client = await hub.connect("ann");
    expect(await code(client, { publish: { channel: "a" } })).toBe(107);
    expect(await code(client, { publish: { channel: "a", data: null } })).toBeUndefined();
    for (const data of [null, [{}], "{}", 1])
      expect(await code(client, { publish: { channel: "objects:a", data } })).toBe(107);
    expect(await code(client, { publish: { channel: "objects:a", data: {} } })).toBeUndefined();
  });

  test("above the channel's rate: 111, temporary, per connection and channel", async () => {
    const { hub, clock } = await hubs.start();
    const client = await hub.connect("ann");
    const at = async (channel: string): Promise<number | undefined> =>
      code(client, { publish: { channel, data: 1 } });
    expect([
      await at("slow:a"),
      await at("slow:a"),
      await at("slow:a"),
      await at("slow:b"),
    ]).toEqual([undefined, undefined, 111, undefined]);
    expect(
      await code(await hub.connect("bob"), { publish: { channel: "slow:a", data: 1 } }),
    ).toBeUndefined();
    await clock.advance(500);
    expect([await at("slow:a"), await at("slow:a")]).toEqual([undefined, 111]);
  });

  test("publications of one connection are appended in the order of its commands", async () => {
    const { hub, bus } = await hubs.start();
    const client = await hub.connect("ann");
    const release = bus.hold("history");
    client.send({ subscribe: { channel: "a" } });
    for (let n = 1; n <= 20; n += 1) client.send({ publish: { channel: "a", data: n } });
    await turn();
    release();
    client.send({ publish: { channel: "a", data: 21 } });
    await turns();
    expect(client.publications("a")).toEqual(Array.from({ length: 21 }, (_, at) => at + 1));
  });
});

describe("presence", () => {
  test("who is on the channel, and how many, over several connections of one user", async () => {
    const { hub } = await hubs.start();
    const tabs = [await hub.connect("ann"), await hub.connect("ann"), await hub.connect("bob")];
    for (const tab of tabs) await tab.ask({ subscribe: { channel: "a" } });
    const [first] = tabs;
    expect(await first?.ask({ presence_stats: { channel: "a" } })).toEqual({
      id: 3,
      presence_stats: { num_clients: 3, num_users: 2 },
    });
    const { presence } = (await first?.ask({ presence: { channel: "a" } })) ?? {};
    const entries = tabs.map(({ connection: { id } }, at) => [
      id,
      { user: at < 2 ? "ann" : "bob", client: id },
    ]);
    expect(presence).toEqual({ presence: Object.fromEntries(entries) });
    for (const tab of tabs) tab.vanish();
    await turn();
    const late = await hub.connect("ann");
    expect(await late.ask({ presence: { channel: "a" } })).toEqual({
      id: 2,
      presence: { presence: {} },
    });
    expect(await late.ask({ presence_stats: { channel: "a" } })).toEqual({
      id: 3,
      presence_stats: { num_clients: 0, num_users: 0 },
    });
  });
});

describe("history", () => {
  async function page(hub: TestHub, request: object): Promise<unknown> {
    const reply = await (await hub.connect("ann")).ask({ history: { channel: "a", ...request } });
    if (reply.error) return reply.error.code;
    const { publications, offset } = reply["history"] as {
      publications: { data: number }[];
      offset: number;
    };
    expect(offset).toBe(5);
    return publications.map(({ data }) => data);
  }

  test("limit, direction and an exclusive position", async () => {
    const { hub } = await hubs.start({ limits: { historyPublications: 4 } });
    for (let n = 1; n <= 5; n += 1) await hub.publish("a", String(n));
    const { top } = await hub.operations.history({
      channel: "a",
      limit: 0,
      since: undefined,
      reverse: false,
    });
    const { epoch } = top;
    expect(await page(hub, {})).toEqual([]);
    expect(await page(hub, { limit: 2 })).toEqual([1, 2]);
    expect(await page(hub, { limit: -1 })).toEqual([1, 2, 3, 4]);
    expect(await page(hub, { limit: 100 })).toEqual([1, 2, 3, 4]);
    expect(await page(hub, { limit: 2, reverse: true })).toEqual([5, 4]);
    expect(await page(hub, { limit: 9, since: { offset: 3, epoch } })).toEqual([4, 5]);
    expect(await page(hub, { limit: 9, since: { offset: 3, epoch }, reverse: true })).toEqual([
      2, 1,
    ]);
    expect(await page(hub, { limit: 9, since: { offset: 5, epoch } })).toEqual([]);
    expect(await page(hub, { limit: 9, since: { offset: 2, epoch: "" } })).toEqual([3, 4, 5]);
    expect(await page(hub, { limit: 9, since: { offset: 2, epoch: "other" } })).toBe(112);
    expect(await page(hub, { limit: 9, since: { offset: 6, epoch } })).toBe(112);
  });

  test("an unused channel: all members are there", async () => {
    const { hub } = await hubs.start();
    const client = await hub.connect("ann");
    expect(await client.ask({ history: { channel: "new" } })).toEqual({
      id: 2,
      history: { publications: [], epoch: expect.any(String), offset: 0 },
    });
  });
});
