import type { Clock } from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";
import type { CsvLine } from "./csv-file.ts";
import { parseLineTime, type TimeFormat } from "./line-time.ts";
import { ReplayError } from "./replay-error.ts";
import type { ReplayLine, ReplayTarget } from "./replay-target.ts";
import type { Schedule } from "./schedule.ts";
import { sleep } from "./sleep.ts";

export interface ReplayOptions {
  readonly lines: AsyncIterable<CsvLine>;
  /** Position of the column that holds the time, and its name for messages. */
  readonly time: { readonly index: number; readonly column: string; readonly format: TimeFormat };
  readonly dataOf: (line: CsvLine) => JsonText;
  readonly schedule: Schedule;
  readonly target: ReplayTarget;
  /** Most lines in one call of the target. */
  readonly batchLines: number;
  readonly clock: Pick<Clock, "after">;
  /** Called after each batch, with its last line and how many milliseconds its first line was late when it was sent. */
  readonly onConfirmed: (batch: ConfirmedBatch) => void;
}

export interface ConfirmedBatch {
  readonly lines: number;
  readonly last: ReplayLine;
  readonly lagMs: number;
}

/** Of the data in one call of the target; in UTF-8 well below what a server takes in one request (10 MiB by default). */
const batchCharacters = 1_048_576;

/**
 * Sends the lines to the target in the file's order, each when it is due. Lines that are due together go in one
 * batch; one batch is under way at a time, and memory holds one batch. Fulfils when the last line is confirmed.
 * When the file is faulty, what is before the fault is sent first. Rejects with `ReplayError`, or the signal's reason.
 */
export async function replay(options: ReplayOptions, signal: AbortSignal): Promise<void> {
  const { schedule, clock } = options;
  const batch = new Batch(options, signal);
  for await (const item of readItems(options)) {
    signal.throwIfAborted();
    if (item.kind === "fault") {
      await batch.send();
      throw item.error;
    }
    const dueAt = schedule.add(item.line.timeMs);
    if (schedule.waitMs(dueAt) > 0) {
      await batch.send();
      const waitMs = schedule.waitMs(dueAt);
      if (waitMs > 0) await sleep(clock, waitMs, signal);
    }
    if (batch.isFull) await batch.send();
    batch.add(item.line, dueAt);
  }
  await batch.send();
}

class Batch {
  readonly #options: ReplayOptions;
  readonly #signal: AbortSignal;
  #lines: ReplayLine[] = [];
  #firstDueAt = 0;
  #characters = 0;

  constructor(options: ReplayOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  get isFull(): boolean {
    return this.#lines.length >= this.#options.batchLines || this.#characters >= batchCharacters;
  }

  add(line: ReplayLine, dueAt: number): void {
    if (this.#lines.length === 0) this.#firstDueAt = dueAt;
    this.#lines.push(line);
    this.#characters += line.data.length;
  }

  async send(): Promise<void> {
    const lines = this.#lines;
    const last = lines.at(-1);
    if (last === undefined) return;
    this.#lines = [];
    this.#characters = 0;
    const lagMs = this.#options.schedule.lagMs(this.#firstDueAt);
    await this.#options.target.send(lines, this.#signal);
    this.#options.onConfirmed({ lines: lines.length, last, lagMs });
  }
}

type Item =
  | { readonly kind: "line"; readonly line: ReplayLine }
  | { readonly kind: "fault"; readonly error: unknown };

/** Ends after a fault, which is an item here so that the lines before it are not lost. */
async function* readItems({ lines, time, dataOf }: ReplayOptions): AsyncGenerator<Item> {
  try {
    for await (const csvLine of lines) {
      const { line, values, endByte } = csvLine;
      const text = values[time.index] ?? "";
      const timeMs = parseLineTime(text, time.format);
      if (timeMs === undefined)
        throw new ReplayError(
          `Line ${line}: ${JSON.stringify(text)} in ${time.column} is not a time (${time.format})`,
        );
      yield { kind: "line", line: { line, timeMs, values, data: dataOf(csvLine), endByte } };
    }
  } catch (error) {
    yield { kind: "fault", error };
  }
}
