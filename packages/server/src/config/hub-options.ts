import { hostname } from "node:os";
import type { HubOptions, NamespaceOptions, NamespaceRules, Retention } from "@switchyard/core";
import type { NamespaceValues } from "./declaration-namespace.ts";
import type { Config } from "./declaration.ts";

/** `node.name`, else the machine's host name, reduced to what a node may be called. */
export function nodeName(config: Config): string {
  return (
    config.node.name ??
    (hostname()
      .replaceAll(/[^A-Za-z0-9_.-]/g, "-")
      .slice(0, 64) ||
      "node")
  );
}

/** What the hub is given. `version` is the server's. */
export function hubOptions(config: Config, version: string): HubOptions {
  const { limits, ...client } = config.client;
  return { nodeName: nodeName(config), version, channels: namespaceRules(config), client, limits };
}

/** The rules of all channels. */
export function namespaceRules({ channel }: Config): NamespaceRules {
  return {
    withoutNamespace: namespaceOptions(channel.withoutNamespace),
    namespaces: new Map(
      channel.namespaces.map((namespace) => [namespace.name, namespaceOptions(namespace)]),
    ),
    privatePrefix: channel.privatePrefix,
  };
}

function namespaceOptions(values: NamespaceValues): NamespaceOptions {
  const retention: Retention | undefined =
    values.historySize > 0 && values.historyTtlMs > 0
      ? { size: values.historySize, ttlMs: values.historyTtlMs, metaTtlMs: values.historyMetaTtlMs }
      : undefined;
  const hasHistory = retention !== undefined;
  return {
    presence: values.presence,
    joinLeave: values.joinLeave,
    forcePushJoinLeave: values.forcePushJoinLeave && values.joinLeave,
    retention,
    forcePositioning: values.forcePositioning && hasHistory,
    allowPositioning: values.allowPositioning && hasHistory,
    forceRecovery: values.forceRecovery && hasHistory,
    allowRecovery: values.allowRecovery && hasHistory,
    recoveryMode: values.forceRecoveryMode,
    autoCacheRecover: values.autoCacheRecover,
    allowSubscribeForClient: values.allowSubscribeForClient,
    allowSubscribeForAnonymous: values.allowSubscribeForAnonymous,
    allowPublishForClient: values.allowPublishForClient,
    allowPublishForSubscriber: values.allowPublishForSubscriber,
    allowPublishForAnonymous: values.allowPublishForAnonymous,
    allowPresenceForClient: values.allowPresenceForClient,
    allowPresenceForSubscriber: values.allowPresenceForSubscriber,
    allowPresenceForAnonymous: values.allowPresenceForAnonymous,
    allowHistoryForClient: values.allowHistoryForClient,
    allowHistoryForSubscriber: values.allowHistoryForSubscriber,
    allowHistoryForAnonymous: values.allowHistoryForAnonymous,
    allowUserLimitedChannels: values.allowUserLimitedChannels,
    channelPattern:
      values.channelRegex === undefined
        ? undefined
        : new RegExp(`^(?:${values.channelRegex})$`, "u"),
    publicationDataFormat: values.publicationDataFormat,
    publicationsPerSecond: values.publicationsPerSecond,
  };
}
