import { constants } from "node:os";
import type { CommandIo } from "../commands/command.ts";
import { systemClock } from "../system-clock.ts";
import { systemRandom } from "../system-random.ts";
import { BackOff } from "./back-off.ts";
import { createBatchApi } from "./batch-api.ts";
import { ChannelTarget } from "./channel-target.ts";
import { columnIndex, parseChannelTemplate } from "./channel-template.ts";
import { type CsvEncoding, type CsvFile, openCsv } from "./csv-file.ts";
import { parseEventTemplate } from "./event-template.ts";
import { createExchangeApi } from "./exchange-api.ts";
import { ExchangeTarget } from "./exchange-target.ts";
import { lineDataOf } from "./line-data.ts";
import type { TimeFormat } from "./line-time.ts";
import { ProgressTicker } from "./progress-ticker.ts";
import { renderBar, renderLine, renderStop, renderSummary } from "./render-progress.ts";
import type { ReplayTarget } from "./replay-target.ts";
import { ReplayProgress } from "./replay-progress.ts";
import { replay } from "./replay.ts";
import { Schedule } from "./schedule.ts";

export interface ApiAccess {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Where the key was found, for people. */
  readonly apiKeyOrigin: string;
}

export interface ReplayRun extends ApiAccess {
  /** Absolute. */
  readonly file: string;
  readonly destination: ReplayDestination;
  /** Simulated seconds per second; 0: as fast as possible. */
  readonly speed: number;
  readonly timeColumn: string;
  readonly timeFormat: TimeFormat;
  /** undefined: `Quantity` and `UnitPrice`, where the file has them. */
  readonly numberColumns: readonly string[] | undefined;
  readonly lineMember: string;
  readonly encoding: CsvEncoding;
  readonly batchLines: number;
  readonly giveUpAfterMs: number;
  readonly io: Pick<CommandIo, "out" | "note">;
}

/** Where lines go, by templates. */
export type ReplayDestination =
  | { readonly kind: "channel"; readonly channel: string }
  | {
      readonly kind: "exchange";
      readonly exchange: string;
      readonly key: string;
      readonly headers: string | undefined;
    };

const usualNumberColumns = ["Quantity", "UnitPrice"];
const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Replays a file to channels, or to an exchange. Returns the exit code: 0, or 128 + the signal's number after Ctrl-C or SIGTERM. Throws
 * `ReplayError`, after it has noted how far it came.
 */
export async function runReplay(run: ReplayRun): Promise<number> {
  // The clock's timers let a process end; this one keeps it alive while it waits for the next line.
  const keepAlive = setInterval(() => {}, 60_000);
  const stopping = new AbortController();
  let stoppedBy: (typeof signals)[number] | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    stoppedBy = signals.find((name) => name === signal);
    stopping.abort(new Error(`stopped by ${signal}`));
    removeHandlers(); // a second one ends the process in the usual way
  };
  const removeHandlers = (): void => {
    for (const name of signals) process.off(name, onSignal);
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    const file = await openCsv(run.file, run.encoding);
    try {
      await replayFile(file, run, stopping.signal);
    } finally {
      await file.close();
    }
    return 0;
  } catch (error) {
    if (stoppedBy === undefined) throw error;
    return 128 + constants.signals[stoppedBy];
  } finally {
    clearInterval(keepAlive);
    removeHandlers();
  }
}

async function replayFile(file: CsvFile, run: ReplayRun, signal: AbortSignal): Promise<void> {
  const { io, speed, numberColumns, lineMember } = run;
  const { columns } = file;
  const clock = systemClock;
  for (const column of numberColumns ?? []) columnIndex(column, columns, "--numbers");
  const time = {
    index: columnIndex(run.timeColumn, columns, "--time"),
    column: run.timeColumn,
    format: run.timeFormat,
  };
  const dataOf = lineDataOf({
    columns,
    numberColumns: new Set(numberColumns ?? usualNumberColumns),
    lineMember,
  });

  const progress = new ReplayProgress(clock, file.sizeBytes);
  const schedule = new Schedule(clock, speed);
  const backOff = new BackOff({
    clock,
    giveUpAfterMs: run.giveUpAfterMs,
    onRetry: (reason) => progress.retried(reason),
  });
  const target = targetOf(run, columns, backOff);
  const ticker = new ProgressTicker({
    clock,
    write: (text) => io.note(text),
    terminalWidth: () => (process.stderr.isTTY ? process.stderr.columns : undefined),
    bar: (width) => renderBar(progress.state(), schedule.simulatedNow(), width),
    line: () => renderLine(progress.state(), schedule.simulatedNow()),
  });

  ticker.start();
  try {
    await replay(
      {
        lines: file.lines,
        time,
        dataOf,
        schedule,
        target,
        batchLines: run.batchLines,
        clock,
        onConfirmed: (batch) => progress.confirmed(batch),
      },
      signal,
    );
  } catch (error) {
    ticker.stop();
    io.note(`${renderStop(progress.state())}\n`);
    throw error;
  } finally {
    ticker.stop();
  }
  io.out(
    renderSummary({
      state: progress.state(),
      destinations: target.describe(),
      earlierLines: schedule.earlierLines,
      speed,
    }),
  );
}

function targetOf(
  { destination, url, apiKey, apiKeyOrigin }: ReplayRun,
  columns: readonly string[],
  backOff: BackOff,
): ReplayTarget {
  const access = { url, apiKey, apiKeyOrigin };
  const runId = systemRandom.uuid();
  if (destination.kind === "channel") {
    const channelOf = parseChannelTemplate(destination.channel, columns);
    const api = createBatchApi({ ...access, clock: systemClock });
    return new ChannelTarget({ channelOf, api, backOff, runId });
  }
  const { exchange, key, headers } = destination;
  const template = parseEventTemplate(key, headers, columns);
  const api = createExchangeApi(exchange, access, systemClock);
  return new ExchangeTarget({ exchange, template, api, backOff, runId });
}
