import { parseArgs } from "node:util";
import { controls, runControl } from "../controls.ts";
import { type FaultName, faultNames } from "../faults/fault.ts";
import { renderReport, renderViolations, saveReport } from "../report.ts";
import { runQueues } from "../run-queues.ts";
import { DatabaseServer } from "../world/database-server.ts";

const usage = `npm run chaos -- queues [--seed N] [--seconds N] [--faults ${faultNames.join(",")}] [--rate N] [--control]

  --seed      of everything that is drawn. Default: another one each time
  --seconds   how long things are broken. Default 60
  --faults    Default: all
  --rate      events per second. Default 400
  --control   runs with planted bugs instead, and fails when the checker misses one
`;

class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Options {
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly faults: readonly FaultName[];
  readonly control: boolean;
}

function readOptions(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const options = {
    seed: text,
    seconds: text,
    rate: text,
    faults: text,
    control: { type: "boolean" },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    return {
      seed: positive("seed", values.seed) ?? Math.floor(Math.random() * 2 ** 31),
      seconds: positive("seconds", values.seconds) ?? 60,
      rate: positive("rate", values.rate) ?? 400,
      faults: values.faults === undefined ? faultNames : values.faults.split(",").map(faultNamed),
      control: values.control ?? false,
    };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new RangeError(`--${flag}: a number above 0`);
  return value;
}

function faultNamed(name: string): FaultName {
  const found = faultNames.find((one) => one === name);
  if (found === undefined)
    throw new RangeError(`--faults: ${name} is none of ${faultNames.join(", ")}`);
  return found;
}

/** On a terminal, in one line that is written over. */
function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K  ${line}`);
}

function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

/** Aborted by the first SIGINT or SIGTERM: what was started is then taken down in order. */
function listenForInterruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

async function runOnce(
  database: DatabaseServer,
  options: Options,
  signal: AbortSignal,
): Promise<boolean> {
  const { seed, seconds, rate, faults } = options;
  // So long that PostgreSQL counts as stable between two of its deaths: it then comes back at once.
  const quietMs = seconds > 90 ? 5_000 : 1_500;
  const report = await runQueues({
    database,
    name: "chaos",
    seed,
    seconds,
    rate,
    faults,
    quietMs,
    signal,
    onProgress: showProgress,
  });
  endProgress();
  process.stdout.write(`${renderReport(report)}\nSaved to ${saveReport("queues", report)}\n`);
  return report.violations.length === 0;
}

async function runControls(
  database: DatabaseServer,
  { seed }: Options,
  signal: AbortSignal,
): Promise<boolean> {
  let areAllCaught = true;
  for (const [index, control] of controls.entries()) {
    signal.throwIfAborted();
    const { report, isCaught } = await runControl(control, {
      database,
      name: `control${index}`,
      seed: seed + index,
      signal,
      onProgress: showProgress,
    });
    endProgress();
    areAllCaught &&= isCaught;
    process.stdout.write(`${isCaught ? "caught" : "MISSED"}  ${control.plantedBug}\n`);
    for (const line of renderViolations(report.violations))
      process.stdout.write(`        ${line}\n`);
  }
  return areAllCaught;
}

const signal = listenForInterruption();
try {
  const options = readOptions(process.argv.slice(2));
  process.stdout.write(`seed ${options.seed}\n`);
  await using database = await DatabaseServer.start();
  const isWell = await (options.control ? runControls : runOnce)(database, options, signal);
  process.exitCode = isWell ? 0 : 1;
} catch (error) {
  if (signal.aborted) {
    endProgress();
    process.stderr.write("interrupted\n");
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n${usage}`);
    process.exitCode = 2;
  } else throw error;
}
