import type { ClientInfo, Payload } from "@switchyard/protocol";

export type { ClientInfo };

/** A place in a channel's stream. Offsets start at 1 and are gap-free; offset 0 is before the first. */
export interface StreamPosition {
  readonly offset: number;
  /** Names one incarnation of the stream. */
  readonly epoch: string;
}

/** One item on a channel. */
export interface Publication {
  readonly data: Payload;
  /** 0 when the channel keeps no stream. */
  readonly offset: number;
  /**
   * Unique per publication for all time ("" without a stream). Tells a stream that came back older, and issued
   * the same offset again with other content, from the one that was seen before.
   */
  readonly id: string;
  readonly info: ClientInfo | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** When it was published: wall clock, milliseconds with fraction. */
  readonly publishedAt: number;
}
