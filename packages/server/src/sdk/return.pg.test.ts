import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { CutProxy } from "@switchyard/testkit";
import type { Centrifuge, SubscribedContext, Subscription } from "centrifuge";
import { EventSource, type EventSourceInit } from "eventsource";
import { until } from "./harness/until.ts";
import { SdkWorld, transports } from "./harness/sdk-world.ts";

setDefaultTimeout(30_000);

let world: SdkWorld;
beforeAll(async () => {
  world = await SdkWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Listener {
  readonly subscription: Subscription;
  readonly received: unknown[];
  readonly subscribed: SubscribedContext[];
}

async function listen(client: Centrifuge, channel: string): Promise<Listener> {
  const subscription = client.newSubscription(channel);
  const received: unknown[] = [];
  const subscribed: SubscribedContext[] = [];
  subscription.on("publication", ({ data }) => received.push(data));
  subscription.on("subscribed", (context) => subscribed.push(context));
  subscription.subscribe();
  await subscription.ready(10_000);
  return { subscription, received, subscribed };
}

async function publish(channel: string, from: number, to: number): Promise<void> {
  for (let data = from; data <= to; data += 1) await world.api("publish", { channel, data });
}

const run = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

for (const transport of transports) {
  describe(transport, () => {
    test("cut off three times: every publication once, in order", async () => {
      await using proxy = await CutProxy.start(world.server.url);
      const channel = `open:cut-${transport}`;
      const client = await world.connected(transport, "ann", {}, proxy.host);
      const { received, subscribed } = await listen(client, channel);
      let n = 0;
      for (let cut = 1; cut <= 3; cut += 1) {
        await publish(channel, n + 1, n + 5);
        proxy.cut();
        await publish(channel, n + 6, n + 10);
        proxy.mend();
        n += 10;
        await until(() => subscribed.length === cut + 1);
      }
      await publish(channel, n + 1, n + 1);
      await until(() => received.includes(n + 1));
      expect(received).toEqual(run(1, 31));
      expect(subscribed.slice(1).map(({ recovered }) => recovered)).toEqual([true, true, true]);
      client.disconnect();
    });

    test("away for longer than history reaches: it is told, and goes on", async () => {
      await using proxy = await CutProxy.start(world.server.url);
      const channel = `short:cut-${transport}`;
      const client = await world.connected(transport, "ann", {}, proxy.host);
      const { received, subscribed } = await listen(client, channel);
      await publish(channel, 1, 1);
      await until(() => received.length === 1);
      proxy.cut();
      await publish(channel, 2, 5);
      proxy.mend();
      await until(() => subscribed.length === 2);
      await publish(channel, 6, 6);
      await until(() => received.length === 2);
      expect(received).toEqual([1, 6]);
      expect(subscribed[1]).toMatchObject({ wasRecovering: true, recovered: false });
      client.disconnect();
    });

    test("server-side subscriptions recover too", async () => {
      await using proxy = await CutProxy.start(world.server.url);
      const channel = `open:given-${transport}`;
      const token = await world.token("ann", { channels: [channel] });
      const received: unknown[] = [];
      const client = world.client(transport, { token }, proxy.host);
      client.on("publication", (context) => received.push(context.data));
      client.connect();
      await client.ready(10_000);
      await publish(channel, 1, 2);
      await until(() => received.length === 2);
      proxy.cut();
      await publish(channel, 3, 4);
      proxy.mend();
      await until(() => received.length === 4);
      await publish(channel, 5, 5);
      await until(() => received.length === 5);
      expect(received).toEqual(run(1, 5));
      client.disconnect();
    });

    test("getState is asked when the position is lost, not when it was recovered", async () => {
      await using proxy = await CutProxy.start(world.server.url);
      const channel = `short:state-${transport}`;
      const client = await world.connected(transport, "ann", {}, proxy.host);
      const received: unknown[] = [];
      let asked = 0;
      const subscription = client.newSubscription(channel, {
        minResubscribeDelay: 10,
        getState: async () => {
          asked += 1;
          const { offset, epoch } = await world.api("history", { channel });
          return { offset: Number(offset), epoch: String(epoch) };
        },
      });
      let subscribed = 0;
      subscription.on("publication", ({ data }) => received.push(data));
      subscription.on("subscribed", () => (subscribed += 1));
      subscription.subscribe();
      await subscription.ready(10_000);
      expect(asked).toBe(1);
      for (const [missed, expected] of [
        [1, 1],
        [4, 2],
      ] as const) {
        proxy.cut();
        await publish(channel, 1, missed);
        proxy.mend();
        const before = subscribed;
        await until(() => subscribed > before);
        expect(asked).toBe(expected);
      }
      await publish(channel, 99, 99);
      await until(() => received.includes(99));
      expect(received).toEqual([1, 99]);
      client.disconnect();
    });
  });
}

test("the server restarts: 3001, and each client comes back to where it was", async () => {
  // The next server listens on another port: clients are pointed at it when they come back.
  const redirected = (url: string | URL): string => {
    const there = new URL(url);
    there.host = world.host;
    return there.href;
  };
  const pointed = {
    websocket: class extends WebSocket {
      constructor(url: string) {
        super(redirected(url));
      }
    },
    eventsource: class extends EventSource {
      constructor(url: string, init?: EventSourceInit) {
        super(redirected(url), init);
      }
    },
    fetch: (url: string, init?: RequestInit) => fetch(redirected(url), init),
  };
  const listeners: Listener[] = [];
  const codes: number[] = [];
  for (const transport of transports) {
    const client = await world.connected(transport, "ann", pointed);
    client.on("connecting", ({ code }) => codes.push(code));
    listeners.push(await listen(client, "open:restart"));
  }
  await publish("open:restart", 1, 3);
  await until(() => listeners.every(({ received }) => received.length === 3));
  await world.restart();
  await publish("open:restart", 4, 5);
  await until(() => listeners.every(({ received }) => received.length === 5));
  for (const { received, subscribed } of listeners) {
    expect(received).toEqual(run(1, 5));
    expect(subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
  }
  expect(codes.filter((code) => code === 3001)).toHaveLength(3);
});
