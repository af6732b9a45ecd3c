import type { BrokerName, BrokerUse } from "../peers/broker-peer.ts";
import { isDisturbed, type SearchResult } from "../rate-search.ts";
import { formatTable, mebibytes, milliseconds, percent, ratio, whole } from "../report.ts";
import { type BrokerFigures, isExact, keptUp } from "./broker-session.ts";
import { describeUse, type Part, type Plan } from "./plan.ts";

/** One use of one broker, or why it was not measured. */
export interface Row {
  readonly broker: BrokerName;
  readonly label: string;
  readonly part: Part;
  readonly use: BrokerUse;
  /** At the highest rate that was kept up with, or at the rate that was given. */
  readonly measured: BrokerFigures | undefined;
  readonly search: SearchResult<BrokerFigures> | undefined;
  /** Why nothing was measured. */
  readonly missing: string | undefined;
}

/** A process that uses more of its core has no more to give. */
const FULL_CORE = 0.9;

/** A measurement in one line. */
export function described(measured: BrokerFigures, queues: number): string {
  const { rate, messagesPerSecond, confirmMs, deliveryMs } = measured;
  return (
    `${whole(rate)}/s → ${whole(messagesPerSecond)}/s acknowledged, delivered p50 ${milliseconds(deliveryMs.p50)}, ` +
    `p99 ${milliseconds(deliveryMs.p99)} ms, confirmed p99 ${milliseconds(confirmMs.p99)} ms, ` +
    `CPU ${percent(shareOf(measured, measured.serverCpuSeconds))} + ${percent(shareOf(measured, measured.storeCpuSeconds))}, ` +
    `generator ${percent(measured.generatorCpuShare)}` +
    (keptUp(measured, queues) ? "" : ` (not kept up: ${notesOf(measured, queues).join("; ")})`)
  );
}

function shareOf(measured: BrokerFigures, cpuSeconds: number): number {
  return cpuSeconds / measured.seconds;
}

function notesOf(measured: BrokerFigures, queues: number): string[] {
  const notes: string[] = [];
  if (measured.inTimeShare < 0.99) notes.push("not in time");
  else if (!keptUp(measured, queues)) notes.push("a backlog grew");
  if (!isExact(measured, queues)) {
    const { published, confirmed, delivered, left, redelivered } = measured;
    notes.push(
      `INEXACT: ${published} published, ${confirmed} confirmed, ${delivered} delivered, ${left} left, ${redelivered} redelivered`,
    );
  }
  if (measured.firstError !== undefined)
    notes.push(measured.firstError.replaceAll(/\s+/g, " ").slice(0, 120));
  if (isDisturbed(measured))
    notes.push(`DISTURBED: other processes used ${measured.otherCpuCores.toFixed(1)} cores`);
  return notes;
}

const COLUMNS = [
  "broker",
  "published by",
  "queues",
  "messages/s",
  "deliveries/s",
  "vs quorum",
  "confirm p50 ms",
  "p99 ms",
  "delivery p50 ms",
  "p99 ms",
  "server CPU",
  "store CPU",
  "gen. CPU",
  "RSS MiB",
  "store MiB",
  "notes",
] as const;

/** Whose core was full at the highest load that was tried. */
function limitOf(steps: readonly BrokerFigures[]): string {
  const highest = steps.reduce<BrokerFigures | undefined>(
    (best, step) => (best === undefined || step.rate > best.rate ? step : best),
    undefined,
  );
  if (highest === undefined) return "";
  const { serverCpuSeconds, storeCpuSeconds, generatorCpuShare } = highest;
  const broker = shareOf(highest, serverCpuSeconds + storeCpuSeconds);
  const brokerText = `broker ${percent(broker)}, generator ${percent(generatorCpuShare)} of a core at the highest load`;
  return generatorCpuShare > FULL_CORE && broker < FULL_CORE
    ? `GENERATOR-BOUND: ${brokerText}`
    : brokerText;
}

function cellsOf(row: Row, reference: readonly Row[]): readonly string[] {
  const { measured, search, use } = row;
  const head = [row.label, describeUse(row.broker, use), String(use.queues)];
  const notes: string[] = [];
  if (search !== undefined) {
    notes.push(limitOf(search.steps));
    const disturbed = search.steps.filter(isDisturbed).length;
    if (disturbed > 0)
      notes.push(`DISTURBED by other processes in ${disturbed} of ${search.steps.length} steps`);
    if (search.sustained === undefined) notes.push("kept up with no rate that was tried");
  }
  if (measured === undefined) {
    if (row.missing !== undefined) notes.push(row.missing);
    return [...head, ...COLUMNS.slice(4).map(() => ""), notes.join("; ")];
  }
  if (search === undefined) notes.push(...notesOf(measured, use.queues));
  const quorum = reference.find(
    ({ broker, use: { queues } }) => broker === "quorum" && queues === use.queues,
  )?.measured;
  const { confirmMs, deliveryMs } = measured;
  return [
    ...head,
    whole(measured.messagesPerSecond),
    whole(measured.messagesPerSecond * use.queues),
    ratio(measured.messagesPerSecond, quorum?.messagesPerSecond),
    milliseconds(confirmMs.p50),
    milliseconds(confirmMs.p99),
    milliseconds(deliveryMs.p50),
    milliseconds(deliveryMs.p99),
    percent(shareOf(measured, measured.serverCpuSeconds)),
    row.broker === "switchyard" ? percent(shareOf(measured, measured.storeCpuSeconds)) : "–",
    percent(measured.generatorCpuShare),
    mebibytes(measured.serverRssPeakBytes),
    row.broker === "switchyard" ? mebibytes(measured.storeBytes) : "–",
    notes.filter((note) => note !== "").join("; "),
  ];
}

export function tableOf(part: Part, plan: Plan, all: readonly Row[]): string {
  const rows = all.filter((row) => row.part === part);
  return formatTable(
    titleOf(part, plan),
    COLUMNS,
    rows.map((row) => cellsOf(row, rows)),
  );
}

function titleOf(part: Part, plan: Plan): string {
  switch (part) {
    case "saturation":
      return `Saturation, all of a broker on one core (Switchyard's PostgreSQL shares it): the most that is acknowledged in time, ${plan.seconds} s a step`;
    case "two-cores":
      return `Saturation, a broker on two cores: Switchyard's PostgreSQL on the generator's core, RabbitMQ on both, ${plan.seconds} s a step`;
    case "unhurried":
      return `Unhurried: ${whole(plan.unhurriedRate)} messages/s, ${plan.seconds} s, on one core (Switchyard's PostgreSQL shares it)`;
  }
}
