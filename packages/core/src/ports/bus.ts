import type { ChannelName, ConnectionId, NodeId } from "../ids.ts";
import type { ClientInfo, Publication, StreamPosition } from "../channels/publication.ts";
import type { NodeAnswer, NodeRequest } from "../hub/node-request.ts";
import type { Payload } from "@switchyard/protocol";

/**
 * What joins nodes: channel fan-out and history, presence, node-to-node requests.
 * Memory for one node, Redis for many. Every method is asynchronous and may complete in any order
 * relative to other calls, except where a sentence below says otherwise.
 * A method rejects with `SwitchyardError` code `busUnavailable` when the bus cannot be reached;
 * nothing has then been delivered to anybody, or (publish only) the outcome is unknown.
 */
export interface Bus {
  readonly name: "memory" | "redis";
  readonly channels: ChannelBus;
  readonly presence: PresenceBus;
  readonly nodes: NodeBus;
  /** Connects, announces this node, and from then on calls `events`. Called once. */
  start(events: BusEvents): Promise<void>;
  /** Takes no more publishes and writes what must survive a restart. Idempotent. */
  drain(): Promise<void>;
  /** Ends this node's part. Presence of this node's connections is gone at once. */
  stop(): Promise<void>;
  /** A real round trip, for readiness. Rejects when the bus does not answer within `timeoutMs`. */
  check(timeoutMs: number): Promise<void>;
}

export interface ChannelBus {
  /**
   * Appends to the channel's stream (when `retention` is given) and delivers to every subscribed node, as one
   * atomic step: offsets are gap-free and every node sees publications of a channel in offset order.
   * Publishes of one channel issued by one node in order are appended in that order.
   * The promise may settle before or after the delivery on this node.
   */
  publish(
    channel: ChannelName,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult>;
  /** Tells every subscribed node that a connection joined or left. At most once, not stored, in order per connection. */
  announce(channel: ChannelName, change: PresenceChange): Promise<void>;
  /**
   * From the moment the promise fulfils, publications of `channel` reach `BusEvents.publication` on this node.
   * Idempotent; subscribe and unsubscribe of one channel must not overlap (the hub serialises them).
   */
  subscribe(channel: ChannelName): Promise<void>;
  /** Publications may still arrive until the promise fulfils. Idempotent. */
  unsubscribe(channel: ChannelName): Promise<void>;
  /**
   * Reads the retained publications and the top position. On a channel without a stream this creates one: an
   * empty page at offset 0 with a fresh epoch that stays (for ten minutes after the last read, until something is
   * published). Includes every publication that this node has been
   * delivered before the call. Never fails for a position that is gone: callers compare offsets and epoch.
   */
  history(channel: ChannelName, query: HistoryQuery): Promise<HistoryPage>;
  /** Drops the retained publications. Epoch and top offset stay. */
  removeHistory(channel: ChannelName): Promise<void>;
}

/** How much of a stream is kept. Both bounds apply; metadata (epoch, top) outlives the publications. */
export interface Retention {
  /** Publications, at least 1. */
  readonly size: number;
  /** Milliseconds after its append for which a publication is readable. */
  readonly ttlMs: number;
  /** Milliseconds after the last append or read for which epoch and top offset are kept. */
  readonly metaTtlMs: number;
}

export interface NewPublication {
  readonly data: Payload;
  /** The publisher, when it is a client. */
  readonly info: ClientInfo | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

export interface PublishOptions {
  /** undefined: deliver only, no offset. */
  readonly retention: Retention | undefined;
  /**
   * A repeat with the same key on the same channel within `windowMs` delivers nothing and returns the first
   * result, with `duplicate: true`. Applies without retention too.
   */
  readonly idempotency: { readonly key: string; readonly windowMs: number } | undefined;
  /**
   * With retention only: a publication whose `version` is not above the last one seen under the same
   * `versionEpoch` is dropped and the current top returned, with `duplicate: true`. 0 = unversioned.
   * An empty `versionEpoch` matches any.
   */
  readonly version: number;
  readonly versionEpoch: string;
}

export interface PublishResult {
  /** Where it was stored. undefined without retention. */
  readonly position: StreamPosition | undefined;
  /** True when nothing was delivered because of `idempotency` or `version`. */
  readonly duplicate: boolean;
}

export interface HistoryQuery {
  /** Exclusive. Forward: offsets above; reverse: offsets below. The epoch is not compared here. */
  readonly since: { readonly offset: number } | undefined;
  /** Publications at most; 0 = position only; "all" = everything retained. */
  readonly limit: number | "all";
  /** false: oldest first. true: newest first. */
  readonly reverse: boolean;
  readonly retention: Retention;
}

export interface HistoryPage {
  readonly publications: readonly Publication[];
  /** The stream's top, read atomically with the page. */
  readonly top: StreamPosition;
}

export interface PresenceChange {
  readonly type: "join" | "leave";
  readonly info: ClientInfo;
}

/**
 * Which connections are on a channel, cluster-wide. An entry is a lease that the engine itself keeps alive
 * for this node's connections until `remove` or `stop`; after a crash it is gone within one lease.
 */
export interface PresenceBus {
  /** Idempotent per (channel, connection); a second call replaces the info. */
  add(channel: ChannelName, connection: ConnectionId, info: ClientInfo): Promise<void>;
  /** Idempotent. Calls for one (channel, connection) take effect in the order issued. */
  remove(channel: ChannelName, connection: ConnectionId): Promise<void>;
  /** All entries. O(connections on the channel). */
  members(channel: ChannelName): Promise<ReadonlyMap<ConnectionId, ClientInfo>>;
  stats(channel: ChannelName): Promise<PresenceStats>;
}

export interface PresenceStats {
  readonly connections: number;
  /** Distinct user ids; all anonymous connections count as one. */
  readonly users: number;
}

export interface NodeBus {
  readonly self: NodeId;
  /**
   * Puts `request` to one node, or to all (this one included), and gathers the answers. Rejects with code
   * `nodeUnavailable` when a node that was asked has not answered within `timeoutMs`, and `nodeUnknown`
   * when `target` is not a live node.
   */
  ask(
    target: NodeId | "all",
    request: NodeRequest,
    options: AskOptions,
  ): Promise<readonly NodeAnswer[]>;
}

export interface AskOptions {
  readonly timeoutMs: number;
}

/**
 * What the hub is told. Calls are synchronous and must not throw.
 * Per channel, `publication` calls come in offset order; they may skip offsets when the bus lost some (the hub
 * then repairs from history) and may repeat offsets (the hub drops them).
 */
export interface BusEvents {
  /** `epoch` is empty for a publication without a stream. */
  publication(channel: ChannelName, publication: Publication, epoch: string): void;
  presence(channel: ChannelName, change: PresenceChange): void;
  request(request: NodeRequest): Promise<NodeAnswer>;
}
