import type { Clock, StreamSnapshot, StreamStore } from "@switchyard/core";

/** A `StreamStore` in memory, for tests that restart a bus. Outlives the bus, not the process. */
export class InMemoryStreamStore implements StreamStore {
  readonly #clock: Clock;
  #saved: { readonly streams: readonly StreamSnapshot[]; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // Async without await: an iterable that throws becomes a rejection, and what was saved before stays.
  async save(streams: Iterable<StreamSnapshot>): Promise<void> {
    this.#saved = { streams: [...streams], at: this.#clock.monotonic() };
  }

  async take(): Promise<readonly StreamSnapshot[]> {
    const saved = this.#saved;
    if (saved === undefined) return [];
    this.#saved = undefined;
    const passedMs = this.#clock.monotonic() - saved.at;
    return saved.streams
      .map((stream) => ({
        ...stream,
        metaTtlLeftMs: stream.metaTtlLeftMs - passedMs,
        publications: stream.publications
          .map(({ publication, ttlLeftMs }) => ({ publication, ttlLeftMs: ttlLeftMs - passedMs }))
          .filter(({ ttlLeftMs }) => ttlLeftMs > 0),
      }))
      .filter(({ metaTtlLeftMs }) => metaTtlLeftMs > 0);
  }
}
