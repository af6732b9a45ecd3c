import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Centrifuge, State, type Subscription } from "centrifuge";
import { until } from "./harness/until.ts";
import { SdkWorld, transports } from "./harness/sdk-world.ts";

setDefaultTimeout(20_000);

let world: SdkWorld;
beforeAll(async () => {
  world = await SdkWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Subscribed, with what came since. */
async function subscribed(client: Centrifuge, channel: string): Promise<[Subscription, unknown[]]> {
  const subscription = client.newSubscription(channel);
  const received: unknown[] = [];
  subscription.on("publication", ({ data }) => received.push(data));
  subscription.subscribe();
  await subscription.ready(10_000);
  return [subscription, received];
}

/** The code that a call is refused with. */
async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    // The SDK rejects with the protocol's error.
    return (error as { readonly code: number }).code;
  }
}

for (const transport of transports) {
  describe(transport, () => {
    /** Channels of their own, so that the transports do not meet. */
    const named = (name: string): string => `${name}-${transport}`;

    test("subscribe, publish, receive, unsubscribe", async () => {
      const client = await world.connected(transport, "ann");
      const [subscription, received] = await subscribed(client, named("open:news"));
      await subscription.publish({ n: 1 });
      await world.api("publish", { channel: named("open:news"), data: "é😀\n" });
      await client.publish(named("open:news"), null);
      await until(() => received.length === 3);
      expect(received).toEqual([{ n: 1 }, "é😀\n", null]);
      const left = new Promise((resolve) => {
        subscription.on("unsubscribed", ({ code }) => resolve(code));
      });
      subscription.unsubscribe();
      expect(await left).toBe(0);
      await until(async () => {
        const stats = await world.api("presence_stats", { channel: named("open:news") });
        return stats["num_clients"] === 0;
      });
    });

    test("history, presence, presence_stats", async () => {
      const channel = named("open:room");
      const [ann, bob] = [
        await world.connected(transport, "ann"),
        await world.connected(transport, "bob"),
      ];
      const [subscription] = await subscribed(ann, channel);
      await subscribed(bob, channel);
      for (let n = 1; n <= 3; n += 1) await subscription.publish(n);
      const page = await subscription.history({ limit: 10, since: { offset: 1, epoch: "" } });
      expect(
        page.publications.map(({ data, offset, info }): unknown[] => [data, offset, info?.user]),
      ).toEqual([
        [2, 2, "ann"],
        [3, 3, "ann"],
      ]);
      expect([page.offset, typeof page.epoch]).toEqual([3, "string"]);
      const { clients } = await subscription.presence();
      expect(
        Object.values(clients)
          .map(({ user }) => user)
          .toSorted(),
      ).toEqual(["ann", "bob"]);
      expect(await ann.presenceStats(channel)).toEqual({ numClients: 2, numUsers: 2 });
    });

    test("what is refused: unknown channel, no permission, feature off, unknown method", async () => {
      const client = await world.connected(transport, "ann");
      expect(await codeOf(client.publish("nowhere:a", 1))).toBe(102);
      expect(await codeOf(client.publish("plain:a", 1))).toBe(103);
      expect(await codeOf(client.history("plain:a"))).toBe(108);
      expect(await codeOf(client.presence("plain:a"))).toBe(108);
      expect(await codeOf(client.rpc("anything", {}))).toBe(104);
      const closed = client.newSubscription("closed:a");
      const refused = new Promise((resolve) => {
        closed.on("unsubscribed", ({ code }) => resolve(code));
      });
      closed.subscribe();
      expect(await refused).toBe(103);
    });

    test("a private channel with a token from getToken", async () => {
      const channel = named("$closed:secret");
      const client = await world.connected(transport, "ann");
      const asked: string[] = [];
      const subscription = client.newSubscription(channel, {
        getToken: async (context) => {
          asked.push(context.channel);
          return world.subscriptionToken("ann", context.channel);
        },
      });
      subscription.subscribe();
      await subscription.ready(10_000);
      expect(asked).toEqual([channel]);
    });

    test("join and leave", async () => {
      const channel = named("told:room");
      const ann = await world.connected(transport, "ann");
      const [subscription] = await subscribed(ann, channel);
      const seen: string[] = [];
      subscription.on("join", ({ info }) => seen.push(`join ${info.user}`));
      subscription.on("leave", ({ info }) => seen.push(`leave ${info.user}`));
      const bob = await world.connected(transport, "bob");
      await subscribed(bob, channel);
      await until(() => seen.includes("join bob"));
      bob.disconnect();
      await until(() => seen.includes("leave bob"));
      expect(seen.filter((line) => line.endsWith("bob"))).toEqual(["join bob", "leave bob"]);
    });

    test("ten times in and out in a row: one presence entry", async () => {
      const channel = named("open:door");
      const client = await world.connected(transport, "ann");
      const subscription = client.newSubscription(channel);
      for (let n = 0; n < 10; n += 1) {
        subscription.subscribe();
        subscription.unsubscribe();
      }
      subscription.subscribe();
      await subscription.ready(10_000);
      const { clients } = await subscription.presence();
      expect(Object.keys(clients)).toHaveLength(1);
    });

    test("server-side subscriptions: of the token, personal, by the API; and their end", async () => {
      const [user, own, added] = [named("carl"), named("open:own"), named("open:added")];
      const client = world.client(transport, {
        token: await world.token(user, { channels: [own] }),
      });
      const seen: string[] = [];
      client.on("subscribed", ({ channel }) => seen.push(`subscribed ${channel}`));
      client.on("unsubscribed", ({ channel }) => seen.push(`unsubscribed ${channel}`));
      client.on("publication", ({ channel, data }) => seen.push(`${channel} ${data}`));
      client.connect();
      await client.ready(10_000);
      await until(() => seen.length === 2);
      expect(seen.splice(0).toSorted()).toEqual([`subscribed #${user}`, `subscribed ${own}`]);
      await world.api("publish", { channel: `#${user}`, data: 1 });
      await world.api("subscribe", { user, channel: added });
      await world.api("publish", { channel: added, data: 2 });
      await world.api("unsubscribe", { user, channel: added });
      await world.api("publish", { channel: added, data: 3 });
      await world.api("publish", { channel: own, data: 4 });
      await until(() => seen.includes(`${own} 4`));
      expect(seen).toEqual([
        `#${user} 1`,
        `subscribed ${added}`,
        `${added} 2`,
        `unsubscribed ${added}`,
        `${own} 4`,
      ]);
    });

    test("several tabs of one user: send to the user, to one of them, to all; a list of them; disconnect but one", async () => {
      const user = named("dora");
      const tabs = [await world.connected(transport, user), await world.connected(transport, user)];
      const other = await world.connected(transport, named("emil"));
      const got: string[] = [];
      for (const [index, client] of [...tabs, other].entries())
        client.on("message", ({ data }) => got.push(`${index} ${data}`));
      await world.api("send", { user, data: "user" });
      const { connections } = await world.api("connections", { user });
      const [first = ""] = Object.keys(connections as object);
      expect(Object.keys(connections as object)).toHaveLength(2);
      await world.api("send", { client: first, data: "one" });
      await world.api("send", { all_users: true, data: "all" });
      await until(() => got.filter((line) => line.endsWith("all")).length === 3);
      const counts = ["user", "one", "all"].map(
        (what) => got.filter((line) => line.endsWith(what)).length,
      );
      expect(counts).toEqual([2, 1, 3]);
      const ended: number[] = [];
      for (const tab of tabs) tab.on("disconnected", ({ code }) => ended.push(code));
      await world.api("disconnect", { user, whitelist: [first] });
      await until(() => ended.length > 0);
      expect(ended).toEqual([3503]);
      expect(tabs.filter(({ state }) => state === State.Connected)).toHaveLength(1);
    });

    test("a terminal code ends it, another brings it back", async () => {
      const user = named("fay");
      const client = await world.connected(transport, user);
      const seen: string[] = [];
      client.on("connecting", ({ code, reason }) => seen.push(`connecting ${code} ${reason}`));
      client.on("connected", () => seen.push("connected"));
      client.on("disconnected", ({ code, reason }) => seen.push(`disconnected ${code} ${reason}`));
      await world.api("disconnect", {
        user,
        disconnect: { code: 3011, reason: "force reconnect" },
      });
      await until(() => seen.includes("connected"));
      await world.api("disconnect", { user, disconnect: { code: 4501, reason: "banned" } });
      await until(() => seen.length === 3);
      expect(seen).toEqual([
        "connecting 3011 force reconnect",
        "connected",
        "disconnected 4501 banned",
      ]);
    });

    test("cache mode gives the latest value at once", async () => {
      const channel = named("cache:price");
      for (const data of [1, 2, 3]) await world.api("publish", { channel, data });
      const client = await world.connected(transport, "ann");
      const [subscription, received] = await subscribed(client, channel);
      await until(() => received.length > 0);
      await subscription.publish(4);
      await until(() => received.length > 1);
      expect(received).toEqual([3, 4]);
    });

    test("what is wrong with a send comes back as a message, and the connection stays", async () => {
      const client = await world.connected(transport, "ann");
      const answered = new Promise((resolve) => {
        client.on("message", ({ data }) => resolve(data));
      });
      await client.send({ type: "anything" });
      expect(await answered).toMatchObject({ type: "error", code: 104, of: "anything" });
      expect(client.state).toBe(State.Connected);
    });
  });
}
