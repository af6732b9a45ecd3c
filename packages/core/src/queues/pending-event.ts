import type { Event } from "../ports/queue-store.ts";
import type { ChannelTarget } from "../routing/route.ts";
import type { Batch, Insert } from "./batch.ts";

/** An event that waits for its commit. */
export interface PendingEvent {
  readonly event: Event;
  readonly routed: number;
  readonly insert: Insert;
  readonly batch: Batch;
  /** Channels that get it then, at most once. */
  readonly live: readonly ChannelTarget[];
}
