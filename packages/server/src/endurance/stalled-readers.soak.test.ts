import { expect, setDefaultTimeout, test } from "bun:test";
import type { RunningServer } from "@switchyard/testkit";
import { ClientProcess } from "./harness/client-process.ts";
import {
  callApi,
  closedWith,
  figure,
  figures,
  mebibytes,
  residentBytes,
} from "./harness/server-figures.ts";
import { startEnduranceServer } from "./harness/start-endurance-server.ts";
import type { PublisherCommands } from "./harness/publisher-client.ts";
import type { ReaderCommands } from "./harness/reader-client.ts";

setDefaultTimeout(180_000);

const mebibyte = 1_048_576;
const readers = 950;
const stalled = 50;
/** For everyone; small, so that what is measured is no queue of the machine's own. */
const flood = "room:flood";
/** For those that stop: half a megabyte a second, which fills the kernel's buffers and then the queue of 768 KiB in seconds. */
const torrent = "room:torrent";
const ledger = "room:ledger";
const followed = [flood, torrent, ledger];
/** Half of what one core carries here: latency at saturation would tell about the machine. */
const perSecond = 50;
const channels = [
  { channel: flood, bytes: 1_000 },
  { channel: torrent, bytes: 10_000 },
];
const controlSeconds = 8;
const stallSeconds = 20;
const mostStallMs = 80_000;
/** Small, and kept: what a client that comes back is to get in full. */
const ledgerEntries = 120;

/** Of the median second: what else runs on the machine disturbs some of them. */
function median(p99s: readonly number[]): number {
  return p99s.toSorted((a, b) => a - b)[Math.floor(p99s.length / 2)] ?? 0;
}

async function closesByCode(server: RunningServer): Promise<Readonly<Record<string, number>>> {
  const byCode: Record<string, number> = {};
  for (const [name, count] of await figures(server)) {
    const code = /^switchyard_connections_closed_total\{.*code="(\w+)"/.exec(name)?.[1];
    if (code !== undefined && count > 0) byCode[code] = count;
  }
  return byCode;
}

test(`${stalled} of ${readers + stalled} subscribers stop reading: memory stays bounded, the others do not wait`, async () => {
  // A short history, so that it is full before memory is measured. No pings, which those that stop do not answer:
  // only slowness closes.
  await using server = await startEnduranceServer({
    args: ["--client-ping-interval", "5m"],
    room: { history_size: 200 },
    core: 0,
  });
  const { host } = new URL(server.url);
  const target = { url: server.url, apiKey: server.apiKey };
  const script = (name: string): URL => new URL(`./harness/${name}`, import.meta.url);
  await using clients = new ClientProcess<ReaderCommands>(script("reader-client.ts"), 1);
  await using publisher = new ClientProcess<PublisherCommands>(script("publisher-client.ts"), 1);
  /** Publishes, sees that all that read get all of it, and tells the p99 of each second. */
  const run = async (seconds: number): Promise<readonly number[]> => {
    const phase = { isOver: false };
    const publishing = publisher
      .ask("publish", { ...target, channels, perSecond, seconds })
      .finally(() => (phase.isOver = true));
    const deliveries = perSecond * seconds * readers;
    const deadline = performance.now() + (seconds + 10) * 1_000;
    const p99s: number[] = [];
    let delivered = 0;
    while (!phase.isOver || delivered < deliveries) {
      await Bun.sleep(1_000);
      const measured = await clients.ask("measured", undefined);
      delivered += measured.delivered;
      // The last second is cut short.
      if (measured.samples >= (perSecond * readers) / 20) p99s.push(measured.p99);
      if (performance.now() > deadline) throw new Error(`${delivered} of ${deliveries} delivered`);
    }
    expect(await publishing).toBe(0);
    expect(delivered).toBe(deliveries);
    return p99s;
  };

  const everyone = { host, readers, stalled, flood, followed };
  expect(await clients.ask("open", everyone)).toBe(readers + stalled);
  await run(2);
  // Those that read have something queued too now and then: the most that the run takes without stalled ones.
  const controlled = { isOver: false };
  const control = run(controlSeconds).finally(() => (controlled.isOver = true));
  const idle = await residentBytes(server.pid);
  let base = idle;
  while (!controlled.isOver) {
    base = Math.max(base, await residentBytes(server.pid));
    await Bun.sleep(100);
  }
  const before = await control;

  let peak = 0;
  let closedAfterMs = 0;
  await clients.ask("stall", undefined);
  const began = performance.now();
  const phase = run(stallSeconds);
  for (let entry = 0; entry < ledgerEntries; entry += 1) {
    await callApi(server, "publish", { channel: ledger, data: { entry } });
    await Bun.sleep(((stallSeconds - 2) * 1000) / ledgerEntries);
    peak = Math.max(peak, await residentBytes(server.pid));
    if (closedAfterMs === 0 && (await figure(server, closedWith(3008))) === stalled)
      closedAfterMs = performance.now() - began;
  }
  const during = [...(await phase)];
  // How much the kernels take of a connection varies; until the last queue is full too.
  const isOpen = async () => (await figure(server, "switchyard_connections")) > readers;
  while ((await isOpen()) && performance.now() - began < mostStallMs) {
    during.push(...(await run(3)));
    peak = Math.max(peak, await residentBytes(server.pid));
  }
  expect(await closesByCode(server)).toEqual({ "3008": stalled });
  if (closedAfterMs === 0) closedAfterMs = performance.now() - began;
  await callApi(server, "publish", { channel: ledger, data: { entry: ledgerEntries } });
  expect(await figure(server, "switchyard_connections")).toBe(readers);
  const after = await run(controlSeconds);

  const returned = await clients.ask("comeBack", { host, followed });
  expect(returned).toHaveLength(stalled);
  const missed: number[] = [];
  for (const one of returned) {
    expect(one.gaps).toBe(0);
    for (const { recovered, wasRecovering, had, brought, offset } of one.channels) {
      expect(wasRecovering).toBe(true);
      // All or nothing, and the client is told which.
      expect(brought).toBe(recovered ? offset - had : 0);
    }
    const [, ofTorrent, ofLedger] = one.channels;
    // Far more than history holds.
    expect(ofTorrent?.recovered).toBe(false);
    expect(ofLedger).toMatchObject({ recovered: true, offset: ledgerEntries + 1 });
    missed.push(ofLedger?.brought ?? 0);
  }
  expect(Math.min(...missed)).toBeGreaterThan(0);

  const without = [...before, ...after];
  process.stdout.write(
    `p99 of the median (worst) second: ${median(without).toFixed(1)} ms (${Math.max(...without).toFixed(1)}) without, ` +
      `${median(during).toFixed(1)} ms (${Math.max(...during).toFixed(1)}) with ${stalled} stalled; all closed (3008) ${(closedAfterMs / 1000).toFixed(1)} s after they stopped. ` +
      `RSS ${mebibytes(idle)}, under load ${mebibytes(base)}, with stalled ones at most ${mebibytes(peak)} (+${mebibytes(peak - base)}). ` +
      `Back: ${stalled} recovered ${Math.min(...missed)} to ${Math.max(...missed)} entries of the ledger\n`,
  );
  expect(peak - base).toBeLessThanOrEqual(60 * mebibyte);
  expect(median(during)).toBeLessThanOrEqual(1.5 * median(without));
});
