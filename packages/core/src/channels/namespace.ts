import type { Retention } from "../ports/bus.ts";

/**
 * Options of every channel of one namespace. Members follow Centrifugo's option names (in YAML: snake case);
 * all permissions are closed by default.
 */
export interface NamespaceOptions {
  /** Keep track of who is on the channel. */
  readonly presence: boolean;
  /** Allow join and leave messages, and send them to every subscriber with `forcePushJoinLeave`. */
  readonly joinLeave: boolean;
  readonly forcePushJoinLeave: boolean;
  /** undefined unless history_size, history_ttl are both set. */
  readonly retention: Retention | undefined;
  /** Every subscription is positioned / a client may ask for it (protocol 8.2). */
  readonly forcePositioning: boolean;
  readonly allowPositioning: boolean;
  readonly forceRecovery: boolean;
  readonly allowRecovery: boolean;
  /** `stream`: all that was missed. `cache`: only the latest publication (protocol 8.5). */
  readonly recoveryMode: "stream" | "cache";
  /** In cache mode: give the latest publication to a subscriber that brings no position. */
  readonly autoCacheRecover: boolean;
  /** Clients may subscribe without a subscription token; anonymous ones too. */
  readonly allowSubscribeForClient: boolean;
  readonly allowSubscribeForAnonymous: boolean;
  readonly allowPublishForClient: boolean;
  readonly allowPublishForSubscriber: boolean;
  readonly allowPublishForAnonymous: boolean;
  readonly allowPresenceForClient: boolean;
  readonly allowPresenceForSubscriber: boolean;
  readonly allowPresenceForAnonymous: boolean;
  readonly allowHistoryForClient: boolean;
  readonly allowHistoryForSubscriber: boolean;
  readonly allowHistoryForAnonymous: boolean;
  /** `room#42,43` is open to users 42 and 43 without a token. */
  readonly allowUserLimitedChannels: boolean;
  /** The part after `namespace:` must match; undefined: printable ASCII. Anchored by the parser. */
  readonly channelPattern: RegExp | undefined;
  /** What a publication must be, when not any JSON. */
  readonly publicationDataFormat: "any" | "json" | "json_object" | "binary";
  /** Publications a connection may make into one channel per second; 0 = unbounded. */
  readonly publicationsPerSecond: number;
}

export interface NamespaceRules {
  /** Options of channels without a `:`. undefined: such channels are unknown (102). */
  readonly withoutNamespace: NamespaceOptions | undefined;
  readonly namespaces: ReadonlyMap<string, NamespaceOptions>;
  /** A channel whose name, or whose part after `namespace:`, starts with this needs a subscription token. */
  readonly privatePrefix: string;
}
