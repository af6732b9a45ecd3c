import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Violation } from "./check/violation.ts";
import type { QueuesReport } from "./run-queues.ts";

const results = fileURLToPath(new URL("../results", import.meta.url));
/** Of each kind. */
const shownViolations = 5;

/** What a run was, what became of the messages, and which promises were broken. */
export function renderReport(report: QueuesReport): string {
  const { published, confirmed, repeated, deliveries, redeliveries, balances, violations } = report;
  const lines = [
    `${published} events published, ${confirmed} confirmed, ${repeated} sent again under their id; ${deliveries} deliveries, ${redeliveries} flagged`,
    "",
    ...renderTable(
      ["queue", "published", "acked", "unanswered", "dead", "expired", "dropped", "left"],
      balances.map((one) => [
        one.queue,
        ...[
          one.published,
          one.acked,
          one.ackedUnanswered,
          one.dead,
          one.expired,
          one.dropped,
          one.left,
        ].map(String),
      ]),
    ),
    "",
    ...renderTable(["fault", "times", "longest recovery ms"], faultRows(report)),
    "",
    ...renderViolations(violations),
  ];
  return `${lines.join("\n")}\n`;
}

/** Kind by kind, with examples. */
export function renderViolations(violations: readonly Violation[]): string[] {
  if (violations.length === 0) return ["No violation."];
  return [...Map.groupBy(violations, ({ kind }) => kind)].flatMap(([kind, some]) => [
    `VIOLATED ${kind}: ${some.length}`,
    ...some
      .slice(0, shownViolations)
      .map(({ n, detail }) => `  ${n === undefined ? "" : `event ${n}: `}${detail}`),
  ]);
}

/** Writes `results/NAME-TIME.json`, and the server's log beside it when something was violated. Returns the path. */
export function saveReport(name: string, { log, ...report }: QueuesReport): string {
  mkdirSync(results, { recursive: true });
  const stem = join(results, `${name}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`);
  writeFileSync(`${stem}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  if (report.violations.length > 0) writeFileSync(`${stem}.log`, log);
  return `${stem}.json`;
}

function faultRows({ faults }: QueuesReport): string[][] {
  const ways = Map.groupBy(faults, ({ fault, way }) => `${fault}: ${way}`);
  return [...ways]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([way, some]) => [
      way,
      String(some.reduce((sum, { times }) => sum + times, 0)),
      String(Math.max(...some.map(({ recoveryMs }) => recoveryMs ?? Number.POSITIVE_INFINITY))),
    ]);
}

/** The first column is left-aligned. */
function renderTable(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns, ...rows];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
