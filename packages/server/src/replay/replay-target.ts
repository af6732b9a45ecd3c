import type { JsonText } from "@switchyard/protocol";

/** One line of the file on its way to a target. */
export interface ReplayLine {
  readonly line: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  /** One per column, for targets that name a destination by them. */
  readonly values: readonly string[];
  readonly data: JsonText;
  /** Bytes of the file up to the end of this line. */
  readonly endByte: number;
}

/** Where lines go. */
export interface ReplayTarget {
  /** For the summary, such as "7 channels". Counts what was sent so far. */
  describe(): string;
  /**
   * Sends some lines and fulfils when all are confirmed. Calls do not overlap; lines of one destination arrive in
   * order, each once, also when an answer was lost. Rejects with `ReplayError` when that cannot be kept up, with the
   * signal's reason when it is aborted; then some of the lines may have arrived.
   */
  send(lines: readonly ReplayLine[], signal: AbortSignal): Promise<void>;
}
