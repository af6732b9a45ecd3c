import type { ClientInfo, JsonText, Payload, Unsubscribe } from "@switchyard/protocol";
import type { Publication, StreamPosition } from "../channels/publication.ts";
import type { SubscriptionOverride } from "../ports/authenticator.ts";
import type { PresenceStats } from "../ports/bus.ts";
import type {
  ConnectionDescription,
  ConnectionSelector,
  NodeInfo,
  UserOnline,
} from "./node-request.ts";

/**
 * What a backend may do, whatever the transport of its request (HTTP API now, gRPC later). Cluster-wide.
 * The caller is trusted: no namespace permission applies. Every method that takes a channel rejects with
 * `SwitchyardError` `badRequest` (107) for an empty name and `unknownChannel` (102) for an unconfigured namespace;
 * all reject with an `internal` kind (100) when the bus fails.
 */
export interface ServerOperations {
  /** `badRequest` when the data does not fit the namespace's `publication_data_format`. */
  publish(request: PublishRequest): Promise<PublishOutcome>;
  /** Succeeds for users that are not connected. Rejects with `internal` when a connection refused (such as `expireAt` in the past). */
  subscribe(request: SubscribeUserRequest): Promise<void>;
  /**
   * Ends client-side subscriptions too; matching connections that were not subscribed get the push all the same.
   * `given`: default 2000. Below 2500 the client stays away, from there on it comes back (protocol 5.3); 2502 makes it
   * drop its token and its position. `badRequest` outside 2000–2999.
   */
  unsubscribe(target: ConnectionSelector, channel: string, given?: Unsubscribe): Promise<void>;
  disconnect(request: DisconnectRequest): Promise<void>;
  refresh(request: RefreshConnectionRequest): Promise<void>;
  /** A `message` push to every connection that `target` means. Returns how many there were. */
  send(target: ConnectionSelector, data: JsonText): Promise<number>;
  /** `notAvailable` (108) when presence is off in the namespace. */
  presence(channel: string): Promise<ReadonlyMap<string, ClientInfo>>;
  presenceStats(channel: string): Promise<PresenceStats>;
  /**
   * `notAvailable` without history; `unrecoverablePosition` (112) for another non-empty epoch. A page has at most 8 MiB,
   * but at least one publication, so that it may hold fewer than `limit`: ask again with `since` from its last one,
   * until that is the top (in reverse: until a page is empty).
   */
  history(request: HistoryOperation): Promise<HistoryOutcome>;
  removeHistory(channel: string): Promise<void>;
  /** Channels with subscribers now and their subscriptions, over all nodes. `pattern`: glob, "" = all; a bad one is `internal`. */
  channels(pattern: string): Promise<ReadonlyMap<string, number>>;
  info(): Promise<readonly NodeInfo[]>;
  /** A method of the server's own registry; `methodNotFound` for unknown ones. */
  rpc(method: string, params: JsonText | undefined): Promise<JsonText | undefined>;
  connections(target: ConnectionSelector): Promise<readonly ConnectionDescription[]>;
  /** Only users who are online are in the answer. */
  usersOnline(of: readonly string[] | "all"): Promise<ReadonlyMap<string, UserOnline>>;
}

export interface PublishRequest {
  readonly channel: string;
  readonly data: Payload;
  readonly skipHistory: boolean;
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** "" = none. Remembered for 5 minutes per channel. */
  readonly idempotencyKey: string;
  /** 0 = none. */
  readonly version: number;
  readonly versionEpoch: string;
}

export interface PublishOutcome {
  /** undefined when nothing was stored. */
  readonly position: StreamPosition | undefined;
}

export interface SubscribeUserRequest {
  readonly target: ConnectionSelector;
  readonly channel: string;
  readonly info: JsonText | undefined;
  readonly data: JsonText | undefined;
  /** Unix seconds; 0 = never. */
  readonly expireAt: number;
  readonly recoverSince: StreamPosition | undefined;
  readonly override: SubscriptionOverride;
}

export interface DisconnectRequest {
  readonly target: ConnectionSelector;
  /** Connection ids to leave alone. */
  readonly spare: readonly string[];
  /** undefined or code 0: 3503 force disconnect. */
  readonly disconnect: { readonly code: number; readonly reason: string } | undefined;
}

export interface RefreshConnectionRequest {
  readonly target: ConnectionSelector;
  readonly expired: boolean;
  /** Unix seconds; 0 = the connection stops expiring. */
  readonly expireAt: number;
  readonly info: JsonText | undefined;
}

export interface HistoryOperation {
  readonly channel: string;
  /** 0 = position only; negative = everything retained, as far as one page holds it. */
  readonly limit: number;
  readonly since: StreamPosition | undefined;
  readonly reverse: boolean;
}

export interface HistoryOutcome {
  readonly publications: readonly Publication[];
  readonly top: StreamPosition;
}
