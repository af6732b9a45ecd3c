import { type Affinity, planAffinity } from "../affinity.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { listenForInterruption } from "../interruption.ts";
import { choosePeers, positiveNumber, readFlags, UsageError } from "../options.ts";
import type { Peer, PeerName } from "../peers/peer.ts";
import { processCpuSeconds, processRssBytes } from "../process-stats.ts";
import {
  describeMachine,
  formatTable,
  mebibytes,
  progress,
  ratio,
  saveResult,
  whole,
} from "../report.ts";

const FLAGS = ["only", "connections", "per-channel"] as const;
/** Come and go before the first reading, so that compiled code and grown pools are not counted as connections. */
const WARM_UP_CONNECTIONS = 500;
const POLL_MS = 250;
/** Memory is settled when it moved by less than 1 % for so many polls (5 s: garbage collectors wait for a pause) … */
const SETTLED_POLLS = 20;
/** … or after so many (25 s). */
const MOST_POLLS = 100;

interface IdleRow {
  readonly peer: PeerName;
  readonly label: string;
  readonly connections: number;
  readonly openSeconds: number;
  readonly rssBeforeBytes: number;
  readonly rssConnectedBytes: number;
  readonly rssAfterBytes: number;
  readonly bytesPerConnection: number;
  /** Share of one core, while nothing but pings happens. */
  readonly idleCpuShare: number;
}

interface MissingRow {
  readonly peer: PeerName;
  readonly label: string;
  readonly missing: string;
}

/** Resolves with the resident bytes once they are settled. */
async function settledRss(pid: number): Promise<number> {
  let reference = processRssBytes(pid);
  let calm = 0;
  for (let poll = 0; poll < MOST_POLLS && calm < SETTLED_POLLS; poll += 1) {
    await Bun.sleep(POLL_MS);
    const now = processRssBytes(pid);
    if (Math.abs(now - reference) < reference / 100) {
      calm += 1;
    } else {
      reference = now;
      calm = 0;
    }
  }
  return processRssBytes(pid);
}

async function measureIdle(
  peer: Peer,
  connections: number,
  perChannel: number,
  affinity: Affinity,
  signal: AbortSignal,
): Promise<IdleRow> {
  await using server = await peer.start(affinity.server, "presence");
  await using generator = new GeneratorProcess(affinity.generator, signal);
  const open = (subscribers: number): Promise<{ readonly seconds: number }> =>
    generator.open({
      port: server.port,
      serverPid: server.pid,
      dialect: server.dialect,
      subscribers,
      topics: Math.max(1, Math.ceil(subscribers / perChannel)),
      publishes: false,
    });

  await open(Math.min(WARM_UP_CONNECTIONS, connections));
  await generator.close();
  const rssBeforeBytes = await settledRss(server.pid);
  const opened = await open(connections);
  const cpuBefore = processCpuSeconds(server.pid);
  const started = performance.now();
  const rssConnectedBytes = await settledRss(server.pid);
  const idleCpuShare =
    (processCpuSeconds(server.pid) - cpuBefore) / ((performance.now() - started) / 1000);
  await generator.close();
  const rssAfterBytes = await settledRss(server.pid);
  return {
    peer: peer.name,
    label: peer.label,
    connections,
    openSeconds: opened.seconds,
    rssBeforeBytes,
    rssConnectedBytes,
    rssAfterBytes,
    bytesPerConnection: (rssConnectedBytes - rssBeforeBytes) / connections,
    idleCpuShare,
  };
}

function tableOf(
  connections: number,
  perChannel: number,
  rows: readonly (IdleRow | MissingRow)[],
): string {
  const bun = rows.find((row): row is IdleRow => row.peer === "bun" && !("missing" in row));
  const columns = [
    "server",
    "opened/s",
    "RSS before MiB",
    "connected MiB",
    "after all left MiB",
    "KiB per connection",
    "vs bare Bun",
    "idle CPU",
    "notes",
  ];
  const cells = rows.map((row) => {
    if ("missing" in row) return [row.label, ...columns.slice(2).map(() => ""), row.missing];
    return [
      row.label,
      whole(row.connections / row.openSeconds),
      mebibytes(row.rssBeforeBytes),
      mebibytes(row.rssConnectedBytes),
      mebibytes(row.rssAfterBytes),
      (row.bytesPerConnection / 1024).toFixed(2),
      ratio(row.bytesPerConnection, bun?.bytesPerConnection),
      `${(row.idleCpuShare * 100).toFixed(1)} %`,
      row.peer === "switchyard"
        ? "with presence, a user and a token each, no personal channel; without PostgreSQL's processes"
        : "",
    ];
  });
  return formatTable(
    `${whole(connections)} idle connections, one subscription each, ${perChannel} to a channel`,
    columns,
    cells,
  );
}

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2), FLAGS);
  const connections = positiveNumber("connections", flags.connections, 8_000);
  const perChannel = positiveNumber("per-channel", flags["per-channel"], 10);
  const affinity = planAffinity();
  const signal = listenForInterruption();
  process.stdout.write(`Idle connections. ${affinity.note}.\n\n`);
  const rows: (IdleRow | MissingRow)[] = [];
  for (const peer of choosePeers(flags.only, "http")) {
    if (signal.aborted) return 130;
    const unavailable = peer.unavailable();
    if (unavailable !== undefined) {
      rows.push({ peer: peer.name, label: peer.label, missing: `skipped: ${unavailable}` });
      continue;
    }
    try {
      const row = await measureIdle(peer, connections, perChannel, affinity, signal);
      rows.push(row);
      progress(`${peer.label}: ${(row.bytesPerConnection / 1024).toFixed(2)} KiB per connection`);
    } catch (error) {
      const missing = `failed: ${error instanceof Error ? error.message : String(error)}`;
      rows.push({ peer: peer.name, label: peer.label, missing });
      progress(`${peer.label}: ${missing}`);
    }
  }
  process.stdout.write(tableOf(connections, perChannel, rows));
  const result = {
    time: new Date().toISOString(),
    machine: describeMachine(),
    affinity: affinity.note,
    connections,
    perChannel,
    rows,
  };
  process.stdout.write(`\nSaved to ${saveResult("idle", result)}\n`);
  return rows.some((row) => "missing" in row && row.missing.startsWith("failed")) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
