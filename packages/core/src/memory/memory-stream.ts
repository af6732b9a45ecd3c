import type { Publication, StreamPosition } from "../channels/publication.ts";
import type { HistoryPage, HistoryQuery, NewPublication, Retention } from "../ports/bus.ts";
import type { SnapshotPublication, StreamSnapshot } from "../ports/stream-store.ts";
import { PublicationRing } from "./publication-ring.ts";

/** Ended publications dropped per append: more than one, so that a busy stream catches up with its ends. */
const endedPerAppend = 2;

/**
 * How long a stream that nothing was published to is kept after it was last read: whoever may read can name any
 * number of channels. Those that are watched are read more often, by the check of their positions.
 */
const unusedLifeMs = 10 * 60_000;

/**
 * One channel's stream: epoch, top, version and the retained publications, whose offsets are always one gap-free
 * run that ends at the top. The latest retention given is the one that holds. Times are monotonic milliseconds.
 */
export class MemoryStream {
  readonly epoch: string;
  readonly #ring = new PublicationRing();
  #top = 0;
  #version = 0;
  #versionEpoch = "";
  #metaEndsAt = 0;

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get retained(): number {
    return this.#ring.count;
  }

  /** Of the retained publications. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  get position(): StreamPosition {
    return { offset: this.#top, epoch: this.epoch };
  }

  /** Epoch and top are over: the channel's next use begins a new incarnation. */
  isOver(now: number): boolean {
    return this.#metaEndsAt <= now;
  }

  /** Starts the life of the metadata anew. Never shorter than that of a publication made now. */
  touch(retention: Retention, now: number): void {
    const lifeMs = Math.max(retention.metaTtlMs, retention.ttlMs);
    this.#metaEndsAt = now + (this.#top === 0 ? Math.min(lifeMs, unusedLifeMs) : lifeMs);
  }

  /** False when `version` is not above the last one seen under the same `versionEpoch`; 0 always passes. */
  admits(version: number, versionEpoch: string): boolean {
    if (version === 0 || version > this.#version) return true;
    return versionEpoch !== "" && versionEpoch !== this.#versionEpoch;
  }

  seeVersion(version: number, versionEpoch: string): void {
    if (version === 0) return;
    this.#version = version;
    if (versionEpoch !== "") this.#versionEpoch = versionEpoch;
  }

  append(
    publication: NewPublication,
    retention: Retention,
    now: number,
    publishedAt: number,
  ): Publication {
    const offset = this.#top + 1;
    const appended: Publication = {
      data: publication.data,
      offset,
      id: `${this.epoch}:${offset.toString(36)}`,
      info: publication.info,
      tags: publication.tags,
      publishedAt,
    };
    this.#top = offset;
    this.#ring.push(appended, now + retention.ttlMs);
    this.#ring.trimTo(retention.size);
    this.#ring.dropEnded(now, endedPerAppend);
    this.touch(retention, now);
    return appended;
  }

  /** O(page), and once per publication the cost of dropping it after its end. */
  page(query: HistoryQuery, now: number): HistoryPage {
    this.dropEnded(now, Infinity);
    this.touch(query.retention, now);
    const oldest = this.#top - this.#ring.count + 1;
    const limit = query.limit === "all" ? Infinity : query.limit;
    const publications: Publication[] = [];
    const step = query.reverse ? -1 : 1;
    const first = query.reverse
      ? Math.min(this.#top, (query.since?.offset ?? Infinity) - 1)
      : Math.max(oldest, (query.since?.offset ?? 0) + 1);
    for (let offset = first; publications.length < limit; offset += step) {
      const publication = this.#ring.at(offset - oldest);
      if (publication === undefined) break;
      publications.push(publication);
    }
    return { publications, top: this.position };
  }

  /** Drops at most `limit` ended publications. Returns how many. */
  dropEnded(now: number, limit: number): number {
    return this.#ring.dropEnded(now, limit);
  }

  /** Drops the oldest publication unless it is the only one. False: there was none to drop. */
  dropOldest(): boolean {
    return this.#ring.count > 1 && this.#ring.trimTo(this.#ring.count - 1) > 0;
  }

  /** Drops every publication; epoch, top and version stay. */
  clear(): void {
    this.#ring.clear();
  }

  snapshot(channel: StreamSnapshot["channel"], now: number): StreamSnapshot {
    this.dropEnded(now, Infinity);
    const publications: SnapshotPublication[] = [];
    for (let i = 0; i < this.#ring.count; i += 1) {
      const publication = this.#ring.at(i);
      if (publication !== undefined)
        publications.push({ publication, ttlLeftMs: this.#ring.endsAt(i) - now });
    }
    return {
      channel,
      epoch: this.epoch,
      top: this.#top,
      publications,
      metaTtlLeftMs: this.#metaEndsAt - now,
      version: this.#version,
      versionEpoch: this.#versionEpoch,
    };
  }

  /** A stream that goes on where `snapshot` was taken. */
  static restored(snapshot: StreamSnapshot, now: number): MemoryStream {
    const stream = new MemoryStream(snapshot.epoch);
    stream.#top = snapshot.top;
    stream.#version = snapshot.version;
    stream.#versionEpoch = snapshot.versionEpoch;
    stream.#metaEndsAt = now + snapshot.metaTtlLeftMs;
    // Only the gap-free run that reaches the top: a hole in the middle would be handed out as if nothing were missing.
    const { publications } = snapshot;
    let run = 0;
    while (publications.at(-1 - run)?.publication.offset === snapshot.top - run) run += 1;
    for (const { publication, ttlLeftMs } of publications.slice(publications.length - run)) {
      stream.#ring.push(publication, now + ttlLeftMs);
    }
    return stream;
  }
}
