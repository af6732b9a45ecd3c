import type { JsonText } from "@switchyard/protocol";

/** Checks client tokens (protocol 14). Expected outcomes are values; a rejection means the keys could not be had (error 100). */
export interface Authenticator {
  connection(token: string): Promise<TokenOutcome<ConnectionClaims>>;
  subscription(token: string): Promise<TokenOutcome<SubscriptionClaims>>;
}

export type TokenOutcome<Claims> =
  | { readonly kind: "valid"; readonly claims: Claims }
  /** Right signature, past its `exp`. */
  | { readonly kind: "expired" }
  /** Anything else. `reason` is for the log, never for the client. */
  | { readonly kind: "invalid"; readonly reason: string };

export interface ConnectionClaims {
  /** `sub`; "" is the anonymous user. */
  readonly user: string;
  readonly info: JsonText | undefined;
  /** Unix seconds when the connection ends unless refreshed: `expire_at`, else `exp`. undefined: never. */
  readonly expireAt: number | undefined;
  /** `jti`, `iat` in Unix seconds. */
  readonly tokenId: string | undefined;
  readonly issuedAt: number | undefined;
  /** Server-side subscriptions: `channels` and `subs` in one form. */
  readonly subscriptions: ReadonlyMap<string, ServerSubscriptionClaims>;
  /** `meta`: never shown to clients. */
  readonly meta: JsonText | undefined;
  /** `caps`: what the connection may do beyond what the namespaces allow. Empty: nothing. */
  readonly capabilities: readonly Capability[];
}

export type CapabilityKind = "channels" | "exchanges" | "queues";
/** What each means for which kind: docs/client-permissions.md. */
export type CapabilityVerb =
  | "publish"
  | "subscribe"
  | "presence"
  | "history"
  | "declare"
  | "delete"
  | "bind"
  | "consume"
  | "purge";

/** One element of `caps`, for one kind of object. */
export interface Capability {
  readonly kind: CapabilityKind;
  /** Names of objects. `wildcard`: a `*` in them stands for any text, also for none. */
  readonly patterns: readonly string[];
  readonly match: "wildcard" | "exact";
  readonly verbs: ReadonlySet<CapabilityVerb>;
}

export interface ServerSubscriptionClaims {
  readonly info: JsonText | undefined;
  /** Goes into the subscribe result. */
  readonly data: JsonText | undefined;
  readonly override: SubscriptionOverride;
}

export interface SubscriptionClaims {
  /** `sub`; missing equals "". */
  readonly user: string;
  readonly channel: string;
  /** Binds the token to one connection. */
  readonly client: string | undefined;
  readonly info: JsonText | undefined;
  readonly expireAt: number | undefined;
  readonly tokenId: string | undefined;
  readonly issuedAt: number | undefined;
  readonly override: SubscriptionOverride;
}

/** Replaces the namespace's options for one subscription; undefined: as in the namespace. */
export interface SubscriptionOverride {
  readonly presence: boolean | undefined;
  readonly joinLeave: boolean | undefined;
  readonly forceRecovery: boolean | undefined;
  readonly forcePositioning: boolean | undefined;
  readonly forcePushJoinLeave: boolean | undefined;
}
