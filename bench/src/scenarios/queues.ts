import { type Affinity, planAffinity } from "../affinity.ts";
import { listenForInterruption } from "../interruption.ts";
import { UsageError } from "../options.ts";
import { bullmqBroker } from "../peers/bullmq-broker.ts";
import type { BrokerPeer, BrokerUse } from "../peers/broker-peer.ts";
import { classicBroker, quorumBroker } from "../peers/rabbitmq-brokers.ts";
import { switchyardBroker } from "../peers/switchyard-broker.ts";
import { type BrokerFigures, BrokerSession, keptUp } from "../queues/broker-session.ts";
import { coresOf, describeUse, type Part, type Plan, readPlan, usesOf } from "../queues/plan.ts";
import { described, type Row, tableOf } from "../queues/tables.ts";
import { isDisturbed, searchRate } from "../rate-search.ts";
import { describeMachine, progress, saveResult } from "../report.ts";

const peers = [switchyardBroker, quorumBroker, classicBroker, bullmqBroker] as const;

/** Measures one use of one broker; a failure becomes a row that says so, so that the others are still measured. */
async function runUse(
  peer: BrokerPeer,
  part: Part,
  use: BrokerUse,
  plan: Plan,
  affinity: Affinity,
  signal: AbortSignal,
): Promise<Row> {
  const base = {
    broker: peer.name,
    label: peer.label,
    part,
    use,
    measured: undefined,
    search: undefined,
  };
  const unavailable = peer.unavailable();
  if (unavailable !== undefined) return { ...base, missing: `skipped: ${unavailable}` };
  const about = `${peer.label}, ${part}, ${describeUse(peer.name, use)}, queues: ${use.queues}`;
  try {
    await using session = new BrokerSession({
      peer,
      use,
      cores: coresOf(part),
      affinity,
      patienceSeconds: plan.patienceSeconds,
      signal,
    });
    if (part === "unhurried") {
      const measured = await session.measure(plan.unhurriedRate, plan.seconds);
      progress(`${about}: ${described(measured, use.queues)}`);
      return { ...base, measured, missing: undefined };
    }
    const search = await searchRate<BrokerFigures>({
      measure: (rate) => session.measure(rate, plan.seconds),
      keptUp: (measured) => keptUp(measured, use.queues),
      isDisturbed,
      startRate: peer.searchFrom / Math.sqrt(use.queues),
      told: (measured) => progress(`${about}: ${described(measured, use.queues)}`),
    });
    return { ...base, search, measured: search.sustained, missing: undefined };
  } catch (error) {
    const missing = `failed: ${error instanceof Error ? error.message : String(error)}`;
    progress(`${about}: ${missing}`);
    return { ...base, missing };
  }
}

async function main(): Promise<number> {
  const plan = readPlan(process.argv.slice(2));
  const affinity = planAffinity();
  const signal = listenForInterruption();
  process.stdout.write(
    `Queues: publish, confirm, deliver, acknowledge; 120 bytes, fsync before every confirm. ${affinity.note}.\n` +
      `Open loop: publications are due on schedule, latency counts from then; clocks stop at the last publication.\n\n`,
  );
  const rows: Row[] = [];
  for (const part of plan.parts) {
    for (const peer of peers.filter(({ name }) => plan.brokers.includes(name))) {
      for (const use of usesOf(part, peer.name)) {
        if (signal.aborted) return 130;
        rows.push(await runUse(peer, part, use, plan, affinity, signal));
      }
    }
    process.stdout.write(`${tableOf(part, plan, rows)}\n`);
  }
  const path = saveResult("queues", {
    time: new Date().toISOString(),
    machine: describeMachine(),
    affinity: affinity.note,
    plan,
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
