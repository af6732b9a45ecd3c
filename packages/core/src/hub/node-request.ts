import type { Disconnect, JsonText, Unsubscribe } from "@switchyard/protocol";
import type { ChannelName, ConnectionId } from "../ids.ts";
import type { StreamPosition } from "../channels/publication.ts";
import type { SubscriptionOverride } from "../ports/authenticator.ts";

/**
 * Which connections a request means: those of `user` ("" is the anonymous user), narrowed by `client` AND
 * `session`; or every connection (server API 7.3–7.6, 9).
 */
export type ConnectionSelector =
  | {
      readonly kind: "user";
      readonly user: string;
      readonly client: string;
      readonly session: string;
    }
  | { readonly kind: "client"; readonly client: string }
  | { readonly kind: "all" };

/** What one node asks another. Plain data: it also travels as JSON. */
export type NodeRequest =
  | {
      readonly type: "subscribe";
      readonly target: ConnectionSelector;
      readonly channel: ChannelName;
      readonly info: JsonText | undefined;
      readonly data: JsonText | undefined;
      /** Unix seconds; undefined: never. */
      readonly expireAt: number | undefined;
      readonly recoverSince: StreamPosition | undefined;
      readonly override: SubscriptionOverride;
    }
  | {
      readonly type: "unsubscribe";
      readonly target: ConnectionSelector;
      readonly channel: ChannelName;
      readonly unsubscribe: Unsubscribe;
    }
  | {
      readonly type: "disconnect";
      readonly target: ConnectionSelector;
      readonly spare: readonly string[];
      readonly disconnect: Disconnect;
    }
  | {
      readonly type: "refresh";
      readonly target: ConnectionSelector;
      readonly expired: boolean;
      /** Unix seconds; undefined: the connection stops expiring. */
      readonly expireAt: number | undefined;
      readonly info: JsonText | undefined;
    }
  | { readonly type: "message"; readonly target: ConnectionSelector; readonly data: JsonText }
  | { readonly type: "emulate"; readonly session: string; readonly data: string }
  | { readonly type: "channels"; readonly pattern: string }
  | { readonly type: "connections"; readonly target: ConnectionSelector }
  | { readonly type: "users"; readonly of: readonly string[] | "all" }
  | { readonly type: "info" };

export type NodeAnswer =
  /** How many connections the request met, and the first error among them. */
  | { readonly type: "done"; readonly connections: number; readonly error: string | undefined }
  | { readonly type: "channels"; readonly channels: ReadonlyMap<ChannelName, number> }
  | { readonly type: "connections"; readonly connections: readonly ConnectionDescription[] }
  | { readonly type: "users"; readonly users: ReadonlyMap<string, UserOnline> }
  | { readonly type: "info"; readonly info: NodeInfo };

export interface ConnectionDescription {
  readonly client: ConnectionId;
  readonly user: string;
  readonly transport: string;
  readonly encoding: string;
  readonly appName: string;
  readonly appVersion: string;
  /** Unix milliseconds. */
  readonly connectedAtMs: number;
  readonly remoteAddress: string;
  readonly channels: readonly ChannelName[];
  readonly meta: JsonText | undefined;
}

export interface UserOnline {
  readonly connections: number;
  /** Unix milliseconds of the oldest connection that is still open. */
  readonly sinceMs: number;
}

export interface NodeInfo {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
  readonly connections: number;
  readonly users: number;
  readonly channels: number;
  readonly subscriptions: number;
  readonly uptimeSeconds: number;
}
