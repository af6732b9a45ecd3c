import type { Recovery, SubscribeResult, JsonText } from "@switchyard/protocol";
import type { ChannelAddress } from "../channels/channel-address.ts";
import type { JoinResult } from "../channels/local-channel.ts";
import type { StreamPosition } from "../channels/publication.ts";
import type { ChannelName } from "../ids.ts";
import type { SubscriptionOverride } from "../ports/authenticator.ts";
import { CatchUp } from "./catch-up.ts";
import type { Connection } from "./connection.ts";
import { Subscription, type SubscriptionTerms } from "./subscription.ts";

/** What a subscription is asked to be, before the namespace has its say. */
export interface SubscriptionWish {
  readonly channel: ChannelName;
  readonly serverSide: boolean;
  readonly chanInfo: JsonText | undefined;
  readonly positioned: boolean;
  readonly recoverable: boolean;
  readonly joinLeave: boolean;
  readonly expireAt: number | undefined;
  readonly override: SubscriptionOverride;
}

export const noOverride: SubscriptionOverride = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};

/** Grants of a wish what the namespace and the token's override allow. */
export function settleTerms(
  wish: SubscriptionWish,
  { options }: ChannelAddress,
): SubscriptionTerms {
  const { override } = wish;
  const stream = options.retention !== undefined;
  const forceRecovery = override.forceRecovery ?? options.forceRecovery;
  const forcePositioning = override.forcePositioning ?? options.forcePositioning;
  const recoverable = stream && (forceRecovery || (options.allowRecovery && wish.recoverable));
  const positioned =
    stream && (recoverable || forcePositioning || (options.allowPositioning && wish.positioned));
  const announces = override.joinLeave ?? options.joinLeave;
  return {
    channel: wish.channel,
    serverSide: wish.serverSide,
    chanInfo: wish.chanInfo,
    presence: override.presence ?? options.presence,
    announces,
    pushesJoinLeave:
      announces && ((override.forcePushJoinLeave ?? options.forcePushJoinLeave) || wish.joinLeave),
    positioned,
    recoverable,
    expireAt: wish.expireAt,
  };
}

/** Joined but for one synchronous step, so that the reply can be written right before the first publication. */
export interface PreparedSubscription {
  readonly channel: ChannelName;
  /**
   * The result as of this turn; `enter` must follow in the same turn. `maxBytes`: what it brings of a recovery at most.
   * Default: half of a link's queue.
   */
  result(data: JsonText | undefined, maxBytes?: number): SubscribeResult;
  /** What the result could not bring of a recovery is sent from now on, as the client takes it. */
  enter(): void;
  /** Instead of `enter`: gives back what was reserved. */
  abandon(): void;
}

/** Reserves the subscription and the presence entry. Rejects when the bus fails; then nothing is reserved. */
export async function prepareSubscription(
  connection: Connection,
  address: ChannelAddress,
  terms: SubscriptionTerms,
  since: StreamPosition | undefined,
): Promise<PreparedSubscription> {
  const { services } = connection;
  const local = services.channels.get(terms.channel, address.options);
  const subscription = new Subscription(connection, local, terms);
  const join = await local.prepareJoin(terms.recoverable ? since : undefined);
  try {
    if (terms.presence)
      await services.bus.presence.add(terms.channel, connection.id, subscription.info);
  } catch (error) {
    join.abandon();
    // The entry may have been made all the same, and the bus would keep it alive.
    removeNeedlessPresence(connection, terms);
    throw error;
  }
  /** The offset up to which the client has all with the result; undefined: all there is. */
  let reached: number | undefined;
  return {
    channel: terms.channel,
    result: (data, maxBytes) => {
      const joined = join.result(maxBytes);
      if (joined.recovery?.kind === "recovered") {
        ({ reached } = joined.recovery);
        // After a recovery the client walks forward from where it was by consuming the publications (protocol 8.4).
        return subscribeResult(connection, terms, joined, since?.offset, data);
      }
      reached = joined.recovery ? undefined : reachedBefore(connection, terms, joined.position);
      return subscribeResult(connection, terms, joined, reached ?? joined.position?.offset, data);
    },
    enter: () => {
      const replaced = connection.takeReplaced(terms);
      join.enter(subscription, reached);
      connection.addSubscription(subscription, replaced);
      if (subscription.behind) void new CatchUp(subscription).run();
    },
    abandon: () => {
      join.abandon();
      removeNeedlessPresence(connection, terms);
    },
  };
}

/** Of a subscription that did not come about; one that was to be replaced keeps its entry. */
function removeNeedlessPresence(connection: Connection, { channel, presence }: SubscriptionTerms) {
  if (presence && !connection.subscriptions.get(channel)?.terms.presence)
    connection.removePresence(channel);
}

/**
 * The offset of a client whose subscription is made anew while more was to come than it could be given at once: it goes
 * on from there. undefined: there is none such.
 */
function reachedBefore(
  connection: Connection,
  terms: SubscriptionTerms,
  position: StreamPosition | undefined,
): number | undefined {
  const behind = connection.subscriptions.get(terms.channel)?.behind;
  return terms.positioned && behind?.epoch === position?.epoch ? behind?.offset : undefined;
}

function subscribeResult(
  connection: Connection,
  terms: SubscriptionTerms,
  { position, recovery }: JoinResult,
  offset: number | undefined,
  data: JsonText | undefined,
): SubscribeResult {
  if (recovery) connection.services.observer.recovered(recovery.kind);
  return {
    recoverable: terms.recoverable,
    positioned: terms.positioned,
    epoch: (terms.positioned && position?.epoch) || "",
    offset: (terms.positioned && offset) || 0,
    recovery: (recovery ?? { kind: "none" }) satisfies Recovery,
    ttlSeconds: connection.secondsUntil(terms.expireAt),
    data,
  };
}
