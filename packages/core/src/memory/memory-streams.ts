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
  #publications = 0;
  /** Where the sweep stands: a live iterator, which sees streams that are added and skips those that are deleted. */
  #sweeping: MapIterator<[ChannelName, MemoryStream]> | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Publications in memory, including those that have ended and are not swept yet. */
  get publications(): number {
    return this.#publications;
  }

  /** O(1) amortised. */
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
    const before = stream.retained;
    const appended = stream.append(publication, retention, now, this.#clock.now());
    this.#publications += stream.retained - before;
    return { kind: "appended", publication: appended, position: stream.position };
  }

  page(channel: ChannelName, query: HistoryQuery): HistoryPage {
    const now = this.#clock.monotonic();
    const stream = this.#live(channel, now);
    const before = stream.retained;
    const page = stream.page(query, now);
    this.#publications += stream.retained - before;
    return page;
  }

  removeHistory(channel: ChannelName): void {
    const stream = this.#streams.get(channel);
    if (stream === undefined) return;
    this.#publications -= stream.retained;
    stream.clear();
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
        const dropped = stream.dropEnded(now, left);
        this.#publications -= dropped;
        left -= dropped;
      }
    }
  }

  /** What must survive a planned restart; one stream at a time, so that the whole is never copied. */
  *snapshots(): Generator<StreamSnapshot, void, undefined> {
    for (const [channel, stream] of this.#streams) {
      const now = this.#clock.monotonic();
      if (stream.isOver(now)) continue;
      const before = stream.retained;
      const snapshot = stream.snapshot(channel, now);
      this.#publications += stream.retained - before;
      yield snapshot;
    }
  }

  load(snapshots: readonly StreamSnapshot[]): void {
    const now = this.#clock.monotonic();
    for (const snapshot of snapshots) {
      const stream = MemoryStream.restored(snapshot, now);
      this.#streams.set(snapshot.channel, stream);
      this.#publications += stream.retained;
    }
  }

  clear(): void {
    this.#streams.clear();
    this.#publications = 0;
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

  #drop(channel: ChannelName, stream: MemoryStream): void {
    this.#publications -= stream.retained;
    this.#streams.delete(channel);
  }
}
