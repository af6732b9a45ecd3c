import { disconnects, type SubscribeRequest } from "@switchyard/protocol";
import type { ChannelAddress } from "../../channels/channel-address.ts";
import { maySubscribe } from "../../channels/permissions.ts";
import type { StreamPosition } from "../../channels/publication.ts";
import { channelName } from "../../ids.ts";
import type { SubscriptionClaims } from "../../ports/authenticator.ts";
import { type Answer, closing, done, refused } from "../answer.ts";
import type { Connection } from "../connection.ts";
import {
  noOverride,
  prepareSubscription,
  settleTerms,
  type SubscriptionWish,
} from "../subscribing.ts";
import type { SubscriptionTerms } from "../subscription.ts";
import { askerOf, resolveChannel } from "./asker.ts";

/** Protocol 3.2. Serial per channel; the reply is written before the channel's first push. */
export function subscribe(
  connection: Connection,
  request: SubscribeRequest,
  id: number,
): Promise<Answer> {
  if (request.channel === "") return Promise.resolve(closing(disconnects.badRequest));
  if (request.delta !== "" && request.delta !== "fossil")
    return Promise.resolve(closing(disconnects.badRequest));
  return connection.serially(request.channel, () => subscribeNext(connection, request, id));
}

async function subscribeNext(
  connection: Connection,
  request: SubscribeRequest,
  id: number,
): Promise<Answer> {
  if (connection.closed) return done;
  const channel = channelName(request.channel);
  const address = resolveChannel(connection, channel);
  if (typeof address === "string") return refused(address);
  if (connection.subscriptions.has(channel)) return refused("alreadySubscribed");
  // Only stream channels exist so far; tags filters come with the rest of the protocol.
  if (request.type !== 0) return refused("permissionDenied");
  if (request.filtered) return refused("badRequest");
  const taken = connection.subscriptions.size + connection.reservedSubscriptions;
  if (taken >= connection.services.options.limits.channelsPerConnection)
    return refused("limitExceeded");
  connection.reservedSubscriptions += 1;
  try {
    return await authorizeAndJoin(connection, request, address, id);
  } finally {
    connection.reservedSubscriptions -= 1;
  }
}

async function authorizeAndJoin(
  connection: Connection,
  request: SubscribeRequest,
  address: ChannelAddress,
  id: number,
): Promise<Answer> {
  const grant = await authorize(connection, request, address);
  if ("kind" in grant) return grant;
  if (connection.closed) return done;
  const wish: SubscriptionWish = {
    channel: channelName(request.channel),
    serverSide: false,
    chanInfo: grant.claims?.info,
    positioned: request.positioned,
    recoverable: request.recoverable,
    joinLeave: request.joinLeave,
    expireAt: grant.claims?.expireAt,
    override: grant.claims?.override ?? noOverride,
  };
  const terms = settleTerms(wish, address);
  const since = sinceOf(request, address, terms);
  const join = () => joinAndReply(connection, request, id, { address, terms, since });
  return since ? connection.recovering(join) : join();
}

interface Settled {
  readonly address: ChannelAddress;
  readonly terms: SubscriptionTerms;
  readonly since: StreamPosition | undefined;
}

async function joinAndReply(
  connection: Connection,
  request: SubscribeRequest,
  id: number,
  { address, terms, since }: Settled,
): Promise<Answer> {
  if (connection.closed) return done;
  const prepared = await prepareSubscription(connection, address, terms, since);
  if (connection.closed) {
    prepared.abandon();
    return done;
  }
  let frame: string;
  try {
    const result = prepared.result(undefined);
    if (result.recovery.kind === "failed" && request.recover && request.rejectUnrecovered) {
      prepared.abandon();
      return refused("unrecoverablePosition");
    }
    frame = connection.codec.reply(id, { method: "subscribe", result });
  } catch (error) {
    prepared.abandon();
    throw error;
  }
  connection.link.send(frame);
  // The frame may have been one too many for a slow link.
  if (connection.closed) prepared.abandon();
  else prepared.enter();
  return done;
}

/** What the client has, when it may recover: undefined when it does not ask. */
function sinceOf(
  request: SubscribeRequest,
  address: ChannelAddress,
  terms: SubscriptionTerms,
): StreamPosition | undefined {
  if (!terms.recoverable) return undefined;
  if (request.recover) return { offset: request.offset, epoch: request.epoch };
  const { recoveryMode, autoCacheRecover } = address.options;
  return recoveryMode === "cache" && autoCacheRecover ? { offset: 0, epoch: "" } : undefined;
}

type Grant = Answer | { readonly claims: SubscriptionClaims | undefined };

async function authorize(
  connection: Connection,
  request: SubscribeRequest,
  address: ChannelAddress,
): Promise<Grant> {
  const asker = askerOf(connection, channelName(request.channel));
  if (request.token === "" || asker.insecure) {
    return maySubscribe(address, asker) ? { claims: undefined } : refused("permissionDenied");
  }
  const outcome = await connection.services.authenticator.subscription(request.token);
  if (outcome.kind === "expired") return refused("tokenExpired");
  if (outcome.kind === "invalid") {
    connection.services.log.info(
      { client: connection.id, reason: outcome.reason },
      "invalid subscription token",
    );
    return refused("permissionDenied");
  }
  const { claims } = outcome;
  if (!isFor(claims, connection, request.channel)) return closing(disconnects.invalidToken);
  if (hasPassed(claims.expireAt, connection)) return refused("tokenExpired");
  return { claims };
}

/** A token for another channel, user or connection is not a mistake but an attempt (protocol 3.2). */
export function isFor(
  claims: SubscriptionClaims,
  connection: Connection,
  channel: string,
): boolean {
  const client = claims.client ?? connection.id;
  return claims.channel === channel && claims.user === connection.user && client === connection.id;
}

export function hasPassed(expireAt: number | undefined, connection: Connection): boolean {
  return expireAt !== undefined && expireAt * 1000 <= connection.services.clock.now();
}
