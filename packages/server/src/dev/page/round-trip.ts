/** How long the last `size` measurements took. */
export interface TimesSummary {
  readonly last: number;
  readonly median: number;
  readonly all: readonly number[];
}

/** The latest measurements, in milliseconds, oldest first. */
export class RecentTimes {
  readonly #size: number;
  #times: number[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(ms: number): TimesSummary {
    this.#times = [...this.#times, ms].slice(-this.#size);
    const sorted = this.#times.toSorted((a, b) => a - b);
    return { last: ms, median: sorted[Math.floor(sorted.length / 2)] ?? ms, all: this.#times };
  }

  clear(): void {
    this.#times = [];
  }
}

/** Milliseconds with as many digits as mean something: `0.4 ms`, `12 ms`. */
export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
