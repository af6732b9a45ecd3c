import { expect, setDefaultTimeout, test } from "bun:test";
import { fuzzSeeds, type RunningServer } from "@switchyard/testkit";
import { until } from "../edges/harness/until.ts";
import { RawWebSocket } from "../edges/harness/raw-web-socket.ts";
import type { ChurnCommands } from "./harness/churn-client.ts";
import { ClientProcess } from "./harness/client-process.ts";
import { type Heap, heapObjects } from "./harness/heap-objects.ts";
import {
  acceptedSockets,
  callApi,
  eventually,
  type Figures,
  figures,
  mebibytes,
  residentBytes,
} from "./harness/server-figures.ts";
import { floors, growthPerSecond, type Sample } from "./harness/slope.ts";
import { startEnduranceServer } from "./harness/start-endurance-server.ts";

setDefaultTimeout(180_000);

const kibibyte = 1024;
const seconds = 60;
/** By then all channels have their history, and the code is compiled. */
const warmSeconds = 20;
/** In each, one full collection; the heap is what lives then, RSS the least in between. */
const spanSeconds = 5;
/** Some 200 connections a second come and go: half a KiB that each left would be this. */
const mostHeapGrowth = 100 * kibibyte;
const mostRssGrowth = 300 * kibibyte;

/** What there is only while there are connections. */
const held = [
  "switchyard_connections",
  "switchyard_users",
  "switchyard_channels",
  "switchyard_subscriptions",
  "switchyard_deadlines",
  "switchyard_bus_channels",
  "switchyard_presence_entries",
  "switchyard_websockets",
];

const classes = [
  "Timeout",
  "Connection",
  "Subscription",
  "LocalChannel",
  "ConnectionDeadlines",
  "WebSocketLink",
  "CommandGate",
];

for (const seed of fuzzSeeds(1)) {
  test(`${seconds} s of churn leave nothing behind (seed ${seed})`, async () => {
    // Histories are short, so that they are full before memory is measured.
    await using server = await startEnduranceServer({
      room: { history_size: 5, join_leave: true },
    });
    const { host } = new URL(server.url);
    const objectsBefore = await objectsAfterVisit(server);
    expect(await heldBy(server)).toEqual(Object.fromEntries(held.map((name) => [name, 0])));

    await using clients = new ClientProcess<ChurnCommands>(
      new URL("./harness/churn-client.ts", import.meta.url),
    );
    const heap: Sample[] = [];
    const rss: Sample[] = [];
    let most = 0;
    const began = performance.now();
    const churn = { isOver: false };
    const churning = clients
      .ask("churn", { host, seed, seconds, connections: 500 })
      .finally(() => (churn.isOver = true));
    while (!churn.isOver) {
      await Bun.sleep(500);
      const now = await figures(server);
      most = Math.max(most, now.get("switchyard_connections") ?? 0);
      const passed = (performance.now() - began) / 1_000;
      if (passed < warmSeconds || passed > seconds) continue;
      rss.push({ seconds: passed, bytes: await residentBytes(server.pid) });
      if (passed < warmSeconds + heap.length * spanSeconds) continue;
      heap.push({ seconds: passed, bytes: (await heapObjects(server)).bytes });
    }
    const counts = await churning;
    const seen = await heldBy(server);
    await untilNothingHeld(server);
    await eventually(
      "no socket",
      10_000,
      () => acceptedSockets(server),
      (sockets) => sockets <= 1,
    );
    const now = await figures(server);
    expect(now.get("switchyard_subscribes_total")).toBe(
      now.get("switchyard_unsubscribes_total") ?? 0,
    );
    expect(sum(now, "switchyard_connections_opened_total")).toBe(
      sum(now, "switchyard_connections_closed_total"),
    );

    const objects = await heapObjects(server);

    const growth = {
      heap: growthPerSecond(heap),
      rss: growthPerSecond(floors(rss, spanSeconds)),
    };
    process.stdout.write(
      `${JSON.stringify(counts)}, at most ${most} open, ${JSON.stringify(seen)} right after. ` +
        `Over the last ${seconds - warmSeconds} s living heap ${mebibytes(heap[0]?.bytes ?? 0)} to ${mebibytes(heap.at(-1)?.bytes ?? 0)}, ${(growth.heap / kibibyte).toFixed(1)} KiB/s, RSS ${(growth.rss / kibibyte).toFixed(1)} KiB/s, ` +
        `RSS ${mebibytes(rss[0]?.bytes ?? 0)} to ${mebibytes(rss.at(-1)?.bytes ?? 0)}\n`,
    );
    // The last visitor before may still have been on the stack then.
    const more = Object.entries(moreObjects(objectsBefore, objects));
    expect(more.filter(([, count]) => count > 0)).toEqual([]);
    expect(counts.opened).toBeGreaterThan(seconds * 20);
    expect(growth.heap).toBeLessThan(mostHeapGrowth);
    expect(growth.rss).toBeLessThan(mostRssGrowth);
  });
}

test("the classes that must be gone are there while a client is", async () => {
  await using server = await startEnduranceServer();
  const before = await objectsAfterVisit(server);
  const client = await subscribedClient(server.port, "room:here");
  const more = moreObjects(before, await heapObjects(server));
  // The user's personal channel is the second one.
  expect(more).toMatchObject({ Connection: 1, Subscription: 2, LocalChannel: 2, WebSocketLink: 1 });
  expect(await heldBy(server)).toMatchObject({
    switchyard_connections: 1,
    switchyard_deadlines: 1,
    switchyard_websockets: 1,
  });
  client.raw.destroy();
});

test("after it has unsubscribed a client gets nothing more: no native topic is left on its socket", async () => {
  await using server = await startEnduranceServer({ room: { join_leave: true } });
  const client = await subscribedClient(server.port, "room:0");
  const names = Array.from({ length: 100 }, (_, index) => `room:${index}`);
  for (const [index, channel] of names.slice(1).entries())
    client.send(`{"id":${index + 10},"subscribe":{"channel":"${channel}","join_leave":true}}`);
  for (const [index, channel] of names.entries())
    client.send(`{"id":${index + 200},"unsubscribe":{"channel":"${channel}"}}`);
  await until(() => client.texts().includes('{"id":299,"unsubscribe":{}}'));
  const before = client.texts().length;
  for (const channel of names) await callApi(server, "publish", { channel, data: 1 });
  // Others come and go there, which is announced to those that have asked.
  const other = await subscribedClient(server.port, "room:5");
  other.raw.destroy();
  client.send('{"id":300,"presence_stats":{"channel":"room:5"}}');
  await until(() => client.texts().length > before);
  const came = client.texts().slice(before);
  expect(came).toHaveLength(1);
  expect(came[0]).toStartWith('{"id":300,');
  client.raw.destroy();
});

async function subscribedClient(port: number, channel: string): Promise<RawWebSocket> {
  const client = await RawWebSocket.open(port, { headers: "X-User-ID: someone\r\n" });
  client.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`);
  await until(() => client.texts().length >= 2);
  return client;
}

/** Objects once each class has been used: its structure, which the first use makes, goes by the same name. */
async function objectsAfterVisit(server: RunningServer): Promise<Heap> {
  const visitor = await subscribedClient(server.port, "room:visited");
  visitor.raw.destroy();
  await untilNothingHeld(server);
  return heapObjects(server);
}

function untilNothingHeld(server: RunningServer): Promise<number> {
  return eventually(
    "nothing held",
    15_000,
    () => heldBy(server),
    (figures) => Object.values(figures).every((figure) => figure === 0),
  );
}

/** By how much the number of objects of each class has changed. */
function moreObjects(
  { counts: before }: Heap,
  { counts: after }: Heap,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    classes.map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)]),
  );
}

async function heldBy(
  server: RunningServer,
): Promise<Readonly<Record<string, number | undefined>>> {
  const now = await figures(server);
  return Object.fromEntries(held.map((name) => [name, now.get(name)]));
}

function sum(now: Figures, name: string): number {
  let total = 0;
  for (const [sample, value] of now) if (sample.startsWith(`${name}{`)) total += value;
  return total;
}
