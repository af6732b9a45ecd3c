import type { SeededRandom } from "@switchyard/testkit";
import type { Recorder } from "../recorder.ts";
import { type FaultName, faults, type World } from "./fault.ts";

/** Until events are confirmed again. PostgreSQL waits longer the more often it has died. */
const recoveryTimeoutMs = 30_000;

export interface FaultRecord {
  readonly fault: FaultName;
  readonly way: string;
  readonly times: number;
  readonly atMs: number;
  /** From the end of the harm to the first confirm. undefined: none came. */
  readonly recoveryMs: number | undefined;
}

export interface FaultScheduleOptions {
  readonly world: World;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  readonly faults: readonly FaultName[];
  /** The longest quiet time between two. */
  readonly quietMs: number;
  readonly onFault: (fault: FaultName) => void;
}

/**
 * Fault after fault: each kind in turn, in random order; the next when the server confirms again. Ends after `seconds`,
 * when each kind has had its turn, and early by `signal` or when the server does not come back.
 */
export async function* faultsFor(
  seconds: number,
  options: FaultScheduleOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<FaultRecord> {
  const { world, recorder, random, quietMs, onFault } = options;
  const began = performance.now();
  let deck = random.shuffle(options.faults);
  for (let done = 0; ; done += 1) {
    await Bun.sleep(quietMs * (0.5 + random.next() / 2));
    const atMs = Math.round(performance.now() - began);
    const isOver = atMs > seconds * 1_000 && done >= options.faults.length;
    if (deck.length === 0) deck = random.shuffle(options.faults);
    const fault = deck.pop();
    if (isOver || signal?.aborted || fault === undefined) return;
    onFault(fault);
    const { times, way } = await faults[fault](world, random);
    const recoveryMs = await recovery(recorder, signal);
    yield { fault, way, times, atMs, recoveryMs };
    if (recoveryMs === undefined) return;
  }
}

/** Until an event that is sent from now on is confirmed; undefined: none was, in time or before `signal`. */
async function recovery(
  { publishes }: Recorder,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const since = performance.now();
  const first = publishes.length;
  while (performance.now() - since < recoveryTimeoutMs) {
    if (signal?.aborted) return undefined;
    if (publishes.slice(first).some(({ confirmedAt }) => confirmedAt !== undefined))
      return Math.round(performance.now() - since);
    await Bun.sleep(10);
  }
  return undefined;
}
