import {
  keptUp,
  limitOf,
  type Load,
  type LoadMeasurement,
  type Saturation,
  serverCpuShare,
} from "../load-session.ts";
import type { PeerName } from "../peers/peer.ts";
import { isDisturbed } from "../rate-search.ts";
import { formatTable, mebibytes, milliseconds, percent, ratio, whole } from "../report.ts";
import { CONNECTIONS_PER_USER, LARGE_RATE, loadOf, type Part, type Plan } from "./plan.ts";

/** One measurement of one server, or why there is none. */
export interface Row {
  readonly peer: PeerName;
  readonly label: string;
  readonly part: Part;
  readonly load: Load;
  readonly offered: number | undefined;
  readonly measured: LoadMeasurement | undefined;
  readonly saturation: Saturation | undefined;
  /** Why nothing was measured. */
  readonly missing: string | undefined;
}

/** A measurement in one line. */
export function described(measured: LoadMeasurement): string {
  const { latencyMs } = measured;
  return (
    `${whole(measured.rate)}/s → ${whole(measured.deliveriesPerSecond)} deliveries/s, p99 ${milliseconds(latencyMs.p99)} ms` +
    (keptUp(measured) ? "" : ` (not kept up: ${notesOf(measured)})`)
  );
}

function notesOf(measured: LoadMeasurement): string {
  const notes: string[] = [];
  if (measured.inTimeShare < 0.99) notes.push("not in time");
  if (!keptUp(measured)) notes.push(limitOf(measured));
  if (isDisturbed(measured))
    notes.push(`DISTURBED: other processes used ${measured.otherCpuCores.toFixed(1)} cores`);
  if (measured.closedSubscribers > 0)
    notes.push(`${whole(measured.closedSubscribers)} subscribers closed`);
  if (measured.duplicated > 0) notes.push(`${whole(measured.duplicated)} too many`);
  if (measured.publishErrors > 0)
    notes.push(`${whole(measured.publishErrors)} publications refused`);
  if (measured.firstError !== undefined)
    notes.push(measured.firstError.replaceAll(/\s+/g, " ").slice(0, 80));
  return notes.join("; ");
}

function cpuPerMillion(measured: LoadMeasurement | undefined): number | undefined {
  if (measured === undefined || measured.deliveriesPerSecond === 0) return undefined;
  return measured.serverCpuSeconds / ((measured.deliveriesPerSecond * measured.seconds) / 1e6);
}

const COLUMNS = [
  "server",
  "offered/s",
  "deliveries/s",
  "in time",
  "missing",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "server CPU s",
  "CPU s per 1M",
  "vs bare Bun",
  "RSS MiB",
  "gen. CPU",
  "notes",
] as const;

function rateTable(title: string, rows: readonly Row[], reference: readonly Row[]): string {
  const cells = rows.map((row) => {
    const { measured } = row;
    const offered = row.offered === undefined ? "" : whole(row.offered);
    if (measured === undefined)
      return [row.label, offered, ...COLUMNS.slice(3).map(() => ""), row.missing ?? ""];
    const bun = reference.find(({ peer, offered: rate }) => peer === "bun" && rate === row.offered);
    const perMillion = cpuPerMillion(measured);
    return [
      row.label,
      offered,
      whole(measured.deliveriesPerSecond),
      percent(measured.inTimeShare),
      whole(measured.lost),
      milliseconds(measured.latencyMs.p50),
      milliseconds(measured.latencyMs.p99),
      milliseconds(measured.latencyMs.p999),
      `${measured.serverCpuSeconds.toFixed(2)} (${percent(serverCpuShare(measured))})`,
      perMillion?.toFixed(3) ?? "",
      ratio(perMillion, cpuPerMillion(bun?.measured)),
      mebibytes(measured.serverRssPeakBytes),
      percent(measured.generatorCpuShare),
      notesOf(measured),
    ];
  });
  return formatTable(title, COLUMNS, cells);
}

function saturationTable(title: string, rows: readonly Row[]): string {
  const bun = rows.find(({ peer }) => peer === "bun")?.saturation;
  const columns = [
    "server",
    "sustained publ./s",
    "deliveries/s",
    "vs bare Bun",
    "p99 ms",
    "peak deliveries/s",
    "vs bare Bun",
    "CPU s per 1M",
    "RSS MiB",
    "gen. CPU",
    "notes",
  ];
  const cells = rows.map(({ label, saturation, missing }) => {
    if (saturation === undefined) return [label, ...columns.slice(2).map(() => ""), missing ?? ""];
    const best = saturation.sustained;
    const peak = saturation.peakDeliveriesPerSecond;
    const fastest = saturation.steps.find((step) => step.deliveriesPerSecond === peak);
    const notes = [
      best === undefined ? "kept up with no rate that was tried" : "",
      fastest === undefined ? "" : `at the peak: ${limitOf(fastest)}`,
    ];
    const disturbed = saturation.steps.filter(isDisturbed).length;
    if (disturbed > 0)
      notes.push(
        `DISTURBED by other processes in ${disturbed} of ${saturation.steps.length} steps`,
      );
    return [
      label,
      best === undefined ? "–" : whole(best.rate),
      best === undefined ? "–" : whole(best.deliveriesPerSecond),
      ratio(best?.deliveriesPerSecond, bun?.sustained?.deliveriesPerSecond),
      best === undefined ? "–" : milliseconds(best.latencyMs.p99),
      whole(peak),
      ratio(peak, bun?.peakDeliveriesPerSecond),
      cpuPerMillion(best)?.toFixed(3) ?? "",
      best === undefined ? "" : mebibytes(best.serverRssPeakBytes),
      best === undefined ? "" : percent(best.generatorCpuShare),
      notes.filter((note) => note !== "").join("; "),
    ];
  });
  return formatTable(title, columns, cells);
}

export function tableOf(part: Part, plan: Plan, all: readonly Row[]): string {
  const rows = all.filter((row) => row.part === part);
  const load = loadOf(part, plan);
  const seconds = `${plan.seconds} s each`;
  switch (part) {
    case "rates":
      return rateTable(
        `Fan-out to ${whole(load.subscribers)} subscribers, 120 bytes, ${seconds}`,
        rows,
        rows,
      );
    case "history": {
      const title = `The same on a channel with history, every subscriber recoverable (ratio: bare Bun without history)`;
      return rateTable(
        title,
        rows,
        all.filter((row) => row.part === "rates"),
      );
    }
    case "saturation":
      return saturationTable(
        `Saturation with ${whole(load.subscribers)} subscribers: the most that arrives in time`,
        rows,
      );
    case "large":
      return rateTable(
        `Fan-out to ${whole(load.subscribers)} subscribers, ${LARGE_RATE} publications/s, ${seconds}`,
        rows,
        rows,
      );
    case "targeted": {
      const reduced =
        plan.users < 10_000 ? " (10,000 users do not fit a limit of 20,000 open files)" : "";
      const title = `Publish to one of ${whole(plan.users)} users with ${CONNECTIONS_PER_USER} connections each${reduced}, ${seconds}`;
      return rateTable(title, rows, rows);
    }
  }
}
