import type { Publication } from "../channels/publication.ts";
import type { ChannelName } from "../ids.ts";

/** One channel's stream at the moment a node drained. */
export interface StreamSnapshot {
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly top: number;
  /** Oldest first, offsets ending at `top` unless they were dropped. */
  readonly publications: readonly SnapshotPublication[];
  /** Milliseconds of life left for the metadata at the time of `save`. */
  readonly metaTtlLeftMs: number;
  readonly version: number;
  readonly versionEpoch: string;
}

export interface SnapshotPublication {
  readonly publication: Publication;
  /** Milliseconds of life left at the time of `save`. */
  readonly ttlLeftMs: number;
}

/**
 * Keeps the memory bus' streams over a planned restart. The store measures the time between `save` and `take`
 * with its own clock and takes it off the lives left; what is over is not returned.
 */
export interface StreamStore {
  /**
   * Replaces what is stored with `streams`, atomically: after a failure the store holds what it held before.
   * Memory stays bounded by batching; the iterable is consumed once.
   */
  save(streams: Iterable<StreamSnapshot>): Promise<void>;
  /**
   * Returns what was saved and removes it, atomically. A process that is killed later therefore finds nothing
   * at its next start and begins new epochs, which is what tells clients that publications were lost.
   */
  take(): Promise<readonly StreamSnapshot[]>;
}
