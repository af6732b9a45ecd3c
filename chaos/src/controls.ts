import type { ViolationKind } from "./check/violation.ts";
import { type QueuesReport, type QueuesRunOptions, runQueues } from "./run-queues.ts";
import type { PlantedBug } from "./world/server-under-test.ts";

/** What brings a planted bug to light, and what it looks like. */
export interface Control {
  readonly plantedBug: PlantedBug;
  readonly seconds: number;
  readonly faults: QueuesRunOptions["faults"];
  /** One of these must be found. */
  readonly expected: readonly ViolationKind[];
}

export const controls: readonly Control[] = [
  {
    plantedBug: "confirmBeforeCommit",
    seconds: 3,
    faults: ["kill-server"],
    expected: ["lost"],
  },
  { plantedBug: "loseUnsettled", seconds: 3, faults: [], expected: ["lost"] },
  {
    plantedBug: "retryWithoutLedger",
    seconds: 3,
    faults: ["swallow"],
    expected: ["unflagged-duplicate", "ended-twice", "delivered-after-ack"],
  },
];

export interface ControlOutcome {
  readonly control: Control;
  readonly report: QueuesReport;
  readonly isCaught: boolean;
}

/** Runs with a planted bug: the checker must find it, which shows that it can find one. */
export async function runControl(
  control: Control,
  options: Pick<QueuesRunOptions, "database" | "name" | "seed" | "onProgress" | "signal">,
): Promise<ControlOutcome> {
  const { plantedBug, seconds, faults, expected } = control;
  const report = await runQueues({ ...options, plantedBug, seconds, faults, quietMs: 700 });
  const isCaught = report.violations.some(({ kind }) => expected.includes(kind));
  return { control, report, isCaught };
}
