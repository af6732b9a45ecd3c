import { type Affinity, planAffinity } from "../affinity.ts";
import { loadOf, type Part, peersOf, type Plan, ratesOf, readPlan } from "../fanout/plan.ts";
import { described, type Row, tableOf } from "../fanout/tables.ts";
import { listenForInterruption } from "../interruption.ts";
import { type Load, type LoadMeasurement, LoadSession, searchSaturation } from "../load-session.ts";
import { UsageError } from "../options.ts";
import type { Peer } from "../peers/peer.ts";
import { describeMachine, progress, saveResult } from "../report.ts";

/** Share in time below which higher rates would show nothing new. */
const FAR_BEHIND = 0.3;

/** Runs one part for one peer; a failure becomes a row that says so, so that the other peers are still measured. */
async function runPart(
  peer: Peer,
  part: Part,
  load: Load,
  plan: Plan,
  affinity: Affinity,
  signal: AbortSignal,
): Promise<Row[]> {
  const base = {
    peer: peer.name,
    label: peer.label,
    part,
    load,
    offered: undefined,
    measured: undefined,
    saturation: undefined,
  };
  const unavailable = peer.unavailable();
  if (unavailable !== undefined) return [{ ...base, missing: `skipped: ${unavailable}` }];
  const rows: Row[] = [];
  const tell = (measured: LoadMeasurement): void =>
    progress(`${peer.label}, ${part}: ${described(measured)}`);
  try {
    await using session = new LoadSession(peer, load, affinity, signal);
    if (part === "saturation") {
      const start = (peer.searchFrom * 1_000) / load.subscribers;
      const saturation = await searchSaturation(session, start, Math.min(2, plan.seconds), tell);
      return [{ ...base, saturation, measured: saturation.sustained, missing: undefined }];
    }
    let behindAt: number | undefined;
    for (const rate of ratesOf(part, plan)) {
      if (behindAt !== undefined && rate >= behindAt) {
        rows.push({ ...base, offered: rate, missing: `not tried: far behind at ${behindAt}/s` });
        continue;
      }
      const measured = await session.measure(rate, plan.seconds);
      tell(measured);
      if (measured.inTimeShare < FAR_BEHIND) behindAt = rate;
      rows.push({ ...base, offered: rate, measured, missing: undefined });
    }
    return rows;
  } catch (error) {
    const missing = `failed: ${error instanceof Error ? error.message : String(error)}`;
    progress(`${peer.label}, ${part}: ${missing}`);
    return [...rows, { ...base, missing }];
  }
}

async function main(): Promise<number> {
  const plan = readPlan(process.argv.slice(2));
  const affinity = planAffinity();
  const signal = listenForInterruption();
  const published =
    plan.publishVia === "http"
      ? "HTTP API, 16 keep-alive connections; publications due in the same tick (1 ms) share a batch request"
      : "one WebSocket";
  process.stdout.write(
    `Fan-out. ${affinity.note}.\nOpen loop: publications leave on schedule, latency counts from the scheduled time, ` +
      `clocks stop at the last publication.\nPublisher: Switchyard ${published}; the others one WebSocket.\n\n`,
  );
  const rows: Row[] = [];
  for (const part of plan.parts) {
    for (const peer of peersOf(part, plan)) {
      if (signal.aborted) return 130;
      rows.push(...(await runPart(peer, part, loadOf(part, plan), plan, affinity, signal)));
    }
    if (rows.some((row) => row.part === part))
      process.stdout.write(`${tableOf(part, plan, rows)}\n`);
  }
  const path = saveResult("fanout", {
    time: new Date().toISOString(),
    machine: describeMachine(),
    affinity: affinity.note,
    plan: { ...plan, peers: plan.peers.map(({ name }) => name) },
    rows,
  });
  process.stdout.write(`Saved to ${path}\n`);
  return rows.some(({ missing }) => missing?.startsWith("failed") === true) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
