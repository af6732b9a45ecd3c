import type { Publication, StreamPosition } from "../channels/publication.ts";
import type { ChannelName } from "../ids.ts";
import type {
  HistoryPage,
  HistoryQuery,
  NewPublication,
  PublishOptions,
  Retention,
} from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { StreamSnapshot } from "../ports/stream-store.ts";
import { newEpoch } from "./epoch.ts";
import { MemoryStream } from "./memory-stream.ts";

export type AppendOutcome =
  | {
      readonly kind: "appended";
      readonly publication: Publication;
      readonly position: StreamPosition;
    }
  /** Dropped because of its version. `position` is the top. */
  | { readonly kind: "stale"; readonly position: StreamPosition };

/** All streams of the process, by channel. Past its metadata's life a stream is gone, whether swept yet or not. */
export class MemoryStreams {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #streams = new Map<ChannelName, MemoryStream>();
  readonly #maxBytes: number;
  #publications = 0;
  #bytes = 0;
  #evictions = 0;
  /** Where the sweep stands: a live iterator, which sees streams that are added and skips those that are deleted. */
  #sweeping: MapIterator<[ChannelName, MemoryStream]> | undefined;

  /** `maxBytes`: of the retained publications of all streams. */
  constructor(clock: Clock, random: Random, maxBytes = Infinity) {
    this.#clock = clock;
    this.#random = random;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Publications in memory, including those that have ended and are not swept yet. */
  get publications(): number {
    return this.#publications;
  }

  /** What those weigh. At most the bound, plus one publication per stream. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Publications dropped for the bound on bytes, since the start. */
  get evictions(): number {
    return this.#evictions;
  }

  /**
   * O(1) amortised. At the bound on bytes the stream that grows forgets its oldest publications: whoever would have
   * needed them is told that recovery is not possible, and other channels keep theirs.
   */
  append(
    channel: ChannelName,
    publication: NewPublication,
    retention: Retention,
    options: Pick<PublishOptions, "version" | "versionEpoch">,
  ): AppendOutcome {
    const now = this.#clock.monotonic();
    const stream = this.#live(channel, now);
    if (!stream.admits(options.version, options.versionEpoch)) {
      stream.touch(retention, now);
      return { kind: "stale", position: stream.position };
    }
    stream.seeVersion(options.version, options.versionEpoch);
    const appended = this.#accounted(stream, () =>
      stream.append(publication, retention, now, this.#clock.now()),
    );
    while (this.#bytes > this.#maxBytes && this.#accounted(stream, () => stream.dropOldest()))
      this.#evictions += 1;
    return { kind: "appended", publication: appended, position: stream.position };
  }

  page(channel: ChannelName, query: HistoryQuery): HistoryPage {
    const now = this.#clock.monotonic();
    const stream = this.#live(channel, now);
    return this.#accounted(stream, () => stream.page(query, now));
  }

  removeHistory(channel: ChannelName): void {
    const stream = this.#streams.get(channel);
    if (stream === undefined) return;
    this.#accounted(stream, () => stream.clear());
  }

  /**
   * Drops streams that are over and publications that have ended, going on where the last call stopped: at most
   * `budget` streams looked at plus publications dropped one by one. Ends a round at the last stream.
   */
  sweep(budget: number): void {
    const now = this.#clock.monotonic();
    this.#sweeping ??= this.#streams.entries();
    for (let left = budget; left > 0; left -= 1) {
      const next = this.#sweeping.next();
      if (next.done === true) {
        this.#sweeping = undefined;
        return;
      }
      const [channel, stream] = next.value;
      if (stream.isOver(now)) {
        this.#drop(channel, stream);
      } else {
        left -= this.#accounted(stream, () => stream.dropEnded(now, left));
      }
    }
  }

  /** What must survive a planned restart; one stream at a time, so that the whole is never copied. */
  *snapshots(): Generator<StreamSnapshot, void, undefined> {
    for (const [channel, stream] of this.#streams) {
      const now = this.#clock.monotonic();
      if (stream.isOver(now)) continue;
      yield this.#accounted(stream, () => stream.snapshot(channel, now));
    }
  }

  load(snapshots: readonly StreamSnapshot[]): void {
    const now = this.#clock.monotonic();
    for (const snapshot of snapshots) {
      const stream = MemoryStream.restored(snapshot, now);
      this.#streams.set(snapshot.channel, stream);
      this.#publications += stream.retained;
      this.#bytes += stream.bytes;
    }
  }

  clear(): void {
    this.#streams.clear();
    this.#publications = 0;
    this.#bytes = 0;
    this.#sweeping = undefined;
  }

  #live(channel: ChannelName, now: number): MemoryStream {
    const known = this.#streams.get(channel);
    if (known !== undefined) {
      if (!known.isOver(now)) return known;
      this.#drop(channel, known);
    }
    const stream = new MemoryStream(newEpoch(this.#random));
    this.#streams.set(channel, stream);
    return stream;
  }

  /** Keeps the sums over what `change` does to the stream. */
  #accounted<Result>(stream: MemoryStream, change: () => Result): Result {
    const { retained, bytes } = stream;
    const result = change();
    this.#publications += stream.retained - retained;
    this.#bytes += stream.bytes - bytes;
    return result;
  }

  #drop(channel: ChannelName, stream: MemoryStream): void {
    this.#publications -= stream.retained;
    this.#bytes -= stream.bytes;
    this.#streams.delete(channel);
  }
}
