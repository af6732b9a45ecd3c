import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { CutProxy } from "@switchyard/testkit";
import type { SubscribedContext } from "centrifuge";
import { figure } from "../endurance/harness/server-figures.ts";
import { until } from "./harness/until.ts";
import { type SdkTransport, SdkWorld, transports } from "./harness/sdk-world.ts";

setDefaultTimeout(60_000);

const namespace = {
  name: "heavy",
  history_size: 300,
  history_ttl: "5m",
  allow_subscribe_for_client: true,
  force_recovery: true,
};
/** A connection's queue holds 768 KiB: twelve of these. */
const payload = "x".repeat(64_000);
/** Payloads. The kernel and the proxy hold some 90 of them for a client that stalls. */
const mostOnTheWay = 200;

let world: SdkWorld;
beforeAll(async () => {
  world = await SdkWorld.start({ SWITCHYARD_CHANNEL_NAMESPACES: JSON.stringify([namespace]) });
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Entry {
  readonly n: number;
}

async function publish(channel: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await world.api("publish", { channel, data: { n, payload } });
}

async function closedAsSlow(transport: SdkTransport): Promise<number> {
  const closed = `switchyard_connections_closed_total{transport="${transport}",code="3008"}`;
  return figure(world.server, closed);
}

for (const transport of transports) {
  test(`${transport}: overflows its queue through one channel, comes back, and ends complete and in order`, async () => {
    await using proxy = await CutProxy.start(world.server.url);
    const channel = `heavy:${transport}`;
    const client = await world.connected(transport, "ann", {}, proxy.host);
    const subscription = client.newSubscription(channel);
    const received: number[] = [];
    const subscribed: SubscribedContext[] = [];
    const lost: number[] = [];
    subscription.on("publication", ({ data }) => received.push((data as Entry).n));
    subscription.on("subscribed", (context) => subscribed.push(context));
    subscription.on("subscribing", ({ code }) => lost.push(code));
    subscription.subscribe();
    await subscription.ready(10_000);
    await publish(channel, 1, 3);
    await until(() => received.length === 3);
    const before = await closedAsSlow(transport);
    proxy.holdAnswers();
    let n = 3;
    while ((await closedAsSlow(transport)) === before && n < mostOnTheWay)
      await publish(channel, (n += 1), n);
    expect(await closedAsSlow(transport)).toBe(before + 1);
    await publish(channel, n + 1, n + 80);
    n += 80;
    proxy.cut();
    proxy.mend();
    await until(() => subscribed.length === 2);
    expect(subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
    // It stalls again, with more to come than there is room on the way: this time nothing overflows.
    proxy.holdAnswers();
    await publish(channel, n + 1, n + 5);
    n += 5;
    expect(await closedAsSlow(transport)).toBe(before + 1);
    proxy.releaseAnswers();
    await until(() => received.includes(n));
    expect(received).toEqual(Array.from({ length: n }, (_, at) => at + 1));
    // Once when it began, once when it was cut off: what came back did not overflow the queue again.
    expect(lost).toHaveLength(2);
    expect([subscribed.length, await closedAsSlow(transport)]).toEqual([2, before + 1]);
    client.disconnect();
  });
}
