import { boolean, choice, duration, integer, optional, regularExpression } from "./option-types.ts";
import { Option } from "./option.ts";
import type { OptionGroup, ValuesOf } from "./option.ts";

const day = 86_400_000;

/** A switch that is off unless given, and `dev` under `--dev` (for channels without a namespace and the namespaces of the apps). */
function allow(description: string, dev = true): Option<boolean> {
  return new Option(boolean(), { default: false, devDefault: dev, description });
}

/** The options of the channels of one namespace, under the names that Centrifugo gives them. */
export const namespaceDeclaration = {
  presence: allow("Keep track of who is on a channel."),
  joinLeave: allow("Send join and leave messages to subscribers that ask for them."),
  forcePushJoinLeave: allow(
    "Send join and leave messages to every subscriber. Needs `join_leave`.",
  ),
  historySize: new Option(integer(0, 1_000_000), {
    default: 0,
    devDefault: 10_000,
    unit: "publications",
    description: "Publications kept per channel; 0 keeps none. Needs `history_ttl`.",
  }),
  historyTtlMs: new Option(duration(0, 366 * day), {
    default: 0,
    devDefault: 3_600_000,
    description: "How long a publication is kept; 0 keeps none. Needs `history_size`.",
  }),
  historyMetaTtlMs: new Option(duration(1_000, 3_660 * day), {
    default: 30 * day,
    description:
      "How long the epoch and the top offset of a channel outlive its last use. Clients that return later are told that they may have missed publications.",
  }),
  forcePositioning: allow(
    "Check every subscriber's position in the stream, so that a lost publication is noticed. Needs history.",
    false,
  ),
  allowPositioning: allow("Check positions for subscribers that ask for it. Needs history."),
  forceRecovery: allow(
    "Let every subscriber recover missed publications after a reconnect. Needs history.",
  ),
  allowRecovery: allow(
    "Recover missed publications for subscribers that ask for it. Needs history.",
  ),
  forceRecoveryMode: new Option(choice(["stream", "cache"]), {
    default: "stream",
    description:
      "What recovery brings: `stream`, all that was missed; `cache`, only the latest publication.",
  }),
  autoCacheRecover: allow(
    "Give the latest publication to subscribers that bring no position. Needs `force_recovery_mode: cache`.",
    false,
  ),
  allowSubscribeForClient: allow("Users may subscribe without a subscription token."),
  allowSubscribeForAnonymous: allow(
    "Connections without a user may subscribe without a subscription token.",
  ),
  allowPublishForClient: allow("Users may publish."),
  allowPublishForSubscriber: allow("Subscribers may publish."),
  allowPublishForAnonymous: allow("Connections without a user may publish."),
  allowPresenceForClient: allow("Users may ask for presence."),
  allowPresenceForSubscriber: allow("Subscribers may ask for presence."),
  allowPresenceForAnonymous: allow("Connections without a user may ask for presence."),
  allowHistoryForClient: allow("Users may read history."),
  allowHistoryForSubscriber: allow("Subscribers may read history."),
  allowHistoryForAnonymous: allow("Connections without a user may read history."),
  allowUserLimitedChannels: allow(
    "A channel `room#42,43` is open to the users 42 and 43 without a token.",
  ),
  channelRegex: new Option(optional(regularExpression()), {
    default: undefined,
    defaultText: "printable ASCII",
    description: "What the whole part of a channel's name after `namespace:` must match.",
  }),
  publicationDataFormat: new Option(choice(["any", "json", "json_object", "binary"]), {
    default: "any",
    description:
      "What a publication must be: `any` is everything but nothing at all, `binary` everything.",
  }),
  publicationsPerSecond: new Option(integer(0, 1_000_000), {
    default: 100,
    devDefault: 1_000,
    unit: "publications per second",
    description: "What one connection may publish into one channel; 0 is unbounded.",
  }),
} satisfies OptionGroup;

export type NamespaceValues = ValuesOf<typeof namespaceDeclaration>;

export interface NamedNamespace extends NamespaceValues {
  readonly name: string;
}

/** The namespaces that exist under `--dev` when none are configured. */
export const devNamespaceNames = ["inventory", "orders", "chat", "demo"] as const;
