import { expect, setDefaultTimeout, test } from "bun:test";
import { ClientProcess } from "./harness/client-process.ts";
import { heapObjects } from "./harness/heap-objects.ts";
import { startEnduranceServer } from "./harness/start-endurance-server.ts";
import {
  acceptedSockets,
  callApi,
  closedWith,
  descriptors,
  eventually,
  figure,
  mebibytes,
  residentBytes,
} from "./harness/server-figures.ts";
import type { VanishCommands } from "./harness/vanish-client.ts";

setDefaultTimeout(180_000);

const count = 10_000;
const channel = "room:lobby";
/** Ping interval 25 s, pong timeout 8 s, and Bun's 4 s for a close that the peer does not answer. */
const goneWithinMs = 40_000;
/** An idle runtime collects its garbage every half a minute. */
const collectedWithinMs = 35_000;

test(`${count} connections that vanish without FIN are gone within 40 s, with all that they held`, async () => {
  await using server = await startEnduranceServer();
  const host = new URL(server.url).host;
  const script = new URL("./harness/vanish-client.ts", import.meta.url);
  const connections = () => figure(server, "switchyard_connections");
  const fresh = await residentBytes(server.pid);
  const idleDescriptors = await descriptors(server.pid);

  // A round that comes and goes in order: allocators keep pages, so that only the second visit shows a leak.
  {
    await using polite = new ClientProcess<VanishCommands>(script);
    expect(await polite.ask("open", { host, count, channel })).toBe(count);
    await polite.ask("leave", undefined);
    await eventually("polite clients gone", 20_000, connections, (open) => open === 0);
  }
  // Taking a snapshot begins with a full collection.
  await heapObjects(server);
  await Bun.sleep(1_000);
  const before = await residentBytes(server.pid);

  await using rude = new ClientProcess<VanishCommands>(script);
  const began = performance.now();
  expect(await rude.ask("open", { host, count, channel })).toBe(count);
  const openMs = performance.now() - began;
  expect(await connections()).toBe(count);
  expect(await acceptedSockets(server)).toBeGreaterThanOrEqual(count);
  expect(await callApi(server, "presence_stats", { channel })).toEqual({
    num_clients: count,
    num_users: count,
  });
  const held = await residentBytes(server.pid);

  // The kernel of a stopped process still acknowledges bytes; nobody answers them.
  rude.signal("SIGSTOP");
  const stopped = performance.now();
  const goneMs = await eventually(
    "none left in metrics",
    goneWithinMs,
    connections,
    (n) => n === 0,
  );
  expect(await callApi(server, "info")).toMatchObject({
    nodes: [{ num_clients: 0, num_users: 0, num_channels: 0, num_subs: 0 }],
  });
  expect(await callApi(server, "presence_stats", { channel })).toEqual({
    num_clients: 0,
    num_users: 0,
  });
  expect(await figure(server, closedWith(3012))).toBe(count);
  const left = goneWithinMs - (performance.now() - stopped);
  await eventually(
    "descriptors closed",
    left,
    () => acceptedSockets(server),
    (n) => n <= 1,
  );
  const closedMs = performance.now() - stopped;
  const soon = await residentBytes(server.pid);
  const collectedMs = await eventually(
    `RSS within 10 % of ${mebibytes(before)}`,
    collectedWithinMs,
    () => residentBytes(server.pid),
    (bytes) => bytes <= before * 1.1,
  );
  const after = await residentBytes(server.pid);

  await rude.kill();
  expect(await connections()).toBe(0);
  await eventually(
    "idle descriptors",
    5_000,
    () => descriptors(server.pid),
    (n) => n <= idleDescriptors + 3,
  );
  expect(await acceptedSockets(server)).toBeLessThanOrEqual(1);

  process.stdout.write(
    `${count} opened in ${(openMs / 1000).toFixed(1)} s; gone ${(goneMs / 1000).toFixed(1)} s after they vanished, descriptors ${(closedMs / 1000).toFixed(1)} s. ` +
      `RSS: fresh ${mebibytes(fresh)}, after a polite round ${mebibytes(before)}, with all ${mebibytes(held)}, at once after ${mebibytes(soon)}, ${(collectedMs / 1000).toFixed(1)} s later ${mebibytes(after)}\n`,
  );
});
