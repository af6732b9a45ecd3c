import type { Clock } from "@switchyard/core";
import type { ConfirmedBatch } from "./replay.ts";

/** How far a replay is. */
export interface ProgressState {
  readonly lines: number;
  /** Number of the last line that is confirmed; 0 before the first. */
  readonly lastLine: number;
  readonly lastTimeMs: number | undefined;
  /** From 0 to 1. */
  readonly fraction: number;
  /** Lines per second in the last seconds. */
  readonly rate: number;
  readonly retries: number;
  /** Why the last attempt failed, while no other has succeeded. */
  readonly failing: string | undefined;
  readonly elapsedMs: number;
  readonly worstLagMs: number;
  /** Of the latest batch. */
  readonly lagMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly lines: number;
}

const rateWindowMs = 3_000;
/** Samples are at least so far apart, so that the window holds a bounded number of them. */
const sampleEveryMs = 100;

/** Counts what a replay has done. */
export class ReplayProgress {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #sizeBytes: number;
  readonly #startedAt: number;
  readonly #samples: Sample[] = [];
  #lines = 0;
  #last: ConfirmedBatch["last"] | undefined;
  #retries = 0;
  #failing: string | undefined;
  #lagMs = 0;
  #worstLagMs = 0;

  constructor(clock: Pick<Clock, "monotonic">, sizeBytes: number) {
    this.#clock = clock;
    this.#sizeBytes = sizeBytes;
    this.#startedAt = clock.monotonic();
    this.#samples.push({ atMs: this.#startedAt, lines: 0 });
  }

  confirmed({ lines, last, lagMs }: ConfirmedBatch): void {
    this.#lines += lines;
    this.#last = last;
    this.#failing = undefined;
    this.#lagMs = lagMs;
    this.#worstLagMs = Math.max(this.#worstLagMs, lagMs);
  }

  retried(reason: string): void {
    this.#retries += 1;
    this.#failing = reason;
  }

  state(): ProgressState {
    return {
      lines: this.#lines,
      lastLine: this.#last?.line ?? 0,
      lastTimeMs: this.#last?.timeMs,
      fraction: this.#sizeBytes === 0 ? 1 : (this.#last?.endByte ?? 0) / this.#sizeBytes,
      rate: this.#rate(),
      retries: this.#retries,
      failing: this.#failing,
      elapsedMs: this.#clock.monotonic() - this.#startedAt,
      lagMs: this.#lagMs,
      worstLagMs: this.#worstLagMs,
    };
  }

  /** Over the last three seconds, or since the start. */
  #rate(): number {
    const now = this.#clock.monotonic();
    const newest = this.#samples.at(-1);
    if (newest === undefined || now - newest.atMs >= sampleEveryMs)
      this.#samples.push({ atMs: now, lines: this.#lines });
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= now - rateWindowMs)
      this.#samples.shift();
    const [oldest] = this.#samples;
    if (oldest === undefined || now <= oldest.atMs) return 0;
    return ((this.#lines - oldest.lines) * 1_000) / (now - oldest.atMs);
  }
}
