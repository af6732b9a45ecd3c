import type { ClientOptions, HubLimits, HubOptions, NamespaceOptions } from "@switchyard/core";

/** A namespace with history, presence and every permission. */
export const openNamespace: NamespaceOptions = {
  presence: true,
  joinLeave: false,
  forcePushJoinLeave: false,
  retention: { size: 1_000, ttlMs: 3_600_000, metaTtlMs: 86_400_000 },
  forcePositioning: false,
  allowPositioning: true,
  forceRecovery: true,
  allowRecovery: true,
  recoveryMode: "stream",
  autoCacheRecover: false,
  allowSubscribeForClient: true,
  allowSubscribeForAnonymous: true,
  allowPublishForClient: true,
  allowPublishForSubscriber: true,
  allowPublishForAnonymous: true,
  allowPresenceForClient: true,
  allowPresenceForSubscriber: true,
  allowPresenceForAnonymous: true,
  allowHistoryForClient: true,
  allowHistoryForSubscriber: true,
  allowHistoryForAnonymous: true,
  allowUserLimitedChannels: true,
  channelPattern: undefined,
  publicationDataFormat: "any",
  publicationsPerSecond: 0,
};

/** As the configuration has it when nothing is set: nothing is allowed, nothing is kept. */
export const closedNamespace: NamespaceOptions = {
  ...openNamespace,
  presence: false,
  retention: undefined,
  allowPositioning: false,
  forceRecovery: false,
  allowRecovery: false,
  allowSubscribeForClient: false,
  allowSubscribeForAnonymous: false,
  allowPublishForClient: false,
  allowPublishForSubscriber: false,
  allowPublishForAnonymous: false,
  allowPresenceForClient: false,
  allowPresenceForSubscriber: false,
  allowPresenceForAnonymous: false,
  allowHistoryForClient: false,
  allowHistoryForSubscriber: false,
  allowHistoryForAnonymous: false,
  allowUserLimitedChannels: false,
};

const client: ClientOptions = {
  insecure: false,
  allowAnonymous: true,
  personalChannel: false,
  personalPrefix: "#",
  pingIntervalMs: 25_000,
  pongTimeoutMs: 8_000,
  connectTimeoutMs: 10_000,
  expiryGraceMs: 25_000,
  positionCheckMs: 40_000,
  sendTime: false,
};

const limits: HubLimits = {
  frameBytesBeforeConnect: 65_536,
  frameBytes: 524_288,
  channelsPerConnection: 128,
  connectionsPerUser: 0,
  connections: 0,
  queueBytes: 1_048_576,
  pauseBytes: 262_144,
  commandsInFlight: 4_096,
  commandsPerSecond: 0,
  channelNameLength: 255,
  recoveryPublications: 300,
  historyPublications: 300,
  errorsPerMinute: 0,
  busTimeoutMs: 4_000,
};

export interface HubOptionChanges {
  readonly client?: Partial<ClientOptions>;
  readonly limits?: Partial<HubLimits>;
  /** Options of channels without a namespace, on top of `openNamespace`. */
  readonly withoutNamespace?: Partial<NamespaceOptions>;
  readonly namespaces?: Readonly<Record<string, NamespaceOptions>>;
}

/** Options for a hub under test: all open, production's bounds. */
export function testHubOptions(changes: HubOptionChanges = {}): HubOptions {
  return {
    nodeName: "test",
    version: "0.0.0",
    channels: {
      withoutNamespace: { ...openNamespace, ...changes.withoutNamespace },
      namespaces: new Map(Object.entries(changes.namespaces ?? {})),
      privatePrefix: "$",
    },
    client: { ...client, ...changes.client },
    limits: { ...limits, ...changes.limits },
  };
}
