import {
  type ConnectRequest,
  disconnects,
  type JsonText,
  type SubscribeResult,
} from "@switchyard/protocol";
import { parseChannel } from "../../channels/channel-address.ts";
import { recoveredBytes } from "../../channels/recovery.ts";
import { channelName } from "../../ids.ts";
import type { ConnectionClaims, ServerSubscriptionClaims } from "../../ports/authenticator.ts";
import { type Answer, closing, done, refused } from "../answer.ts";
import { Capabilities } from "../capabilities.ts";
import type { Connection, ConnectionIdentity } from "../connection.ts";
import {
  noOverride,
  type PreparedSubscription,
  prepareSubscription,
  settleTerms,
} from "../subscribing.ts";
import { hasPassed } from "./subscribe.ts";

interface Admission {
  readonly identity: ConnectionIdentity;
  readonly subscriptions: ReadonlyMap<string, ServerSubscriptionClaims>;
}

/** A server-side subscription, and the data that goes into its result. */
interface PreparedServerSubscription {
  readonly prepared: PreparedSubscription;
  readonly data: JsonText | undefined;
}

/** Protocol 3.1. Server-side subscriptions are joined in the same turn in which the reply is written. */
export async function connect(
  connection: Connection,
  request: ConnectRequest,
  id: number,
): Promise<Answer> {
  const admission = await admit(connection, request);
  if ("kind" in admission) return admission;
  if (connection.closed) return done;
  const { identity } = admission;
  const { limits } = connection.services.options;
  const ofUser = connection.services.connections.ofUser(identity.user).length;
  if (
    identity.user !== "" &&
    limits.connectionsPerUser > 0 &&
    ofUser >= limits.connectionsPerUser
  ) {
    return closing(disconnects.connectionLimit);
  }
  connection.establish(identity);
  const subscriptions = withPersonalChannel(connection, admission.subscriptions);
  if (subscriptions.size > limits.channelsPerConnection) return closing(disconnects.channelLimit);
  const prepared = await prepareAll(connection, request, subscriptions);
  if (connection.closed) {
    for (const { prepared: one } of prepared) one.abandon();
    return done;
  }
  let frame: string;
  try {
    frame = encodeReply(connection, id, prepared);
  } catch (error) {
    for (const { prepared: one } of prepared) one.abandon();
    throw error;
  }
  connection.link.send(frame);
  // The frame may have been one too many for a slow link.
  const gone = connection.closed;
  for (const { prepared: one } of prepared) {
    if (gone) one.abandon();
    else one.enter();
  }
  if (!gone) connection.connectAnswered();
  return done;
}

function encodeReply(
  connection: Connection,
  id: number,
  prepared: readonly PreparedServerSubscription[],
): string {
  const { options, clock } = connection.services;
  const subs = new Map<string, SubscribeResult>();
  // All recoveries are in one frame: together they may take what else a single one may.
  let left = options.limits.queueBytes / 2;
  for (const { prepared: one, data } of prepared) {
    const result = one.result(data, left);
    if (result.recovery.kind === "recovered") left -= recoveredBytes(result.recovery.publications);
    subs.set(one.channel, result);
  }
  const emulated = connection.session !== "";
  return connection.codec.reply(id, {
    method: "connect",
    result: {
      client: connection.id,
      version: options.version,
      data: undefined,
      ttlSeconds: connection.secondsUntil(connection.identity?.expireAt),
      subs,
      pingSeconds: Math.ceil(options.client.pingIntervalMs / 1000),
      pong: options.client.pingIntervalMs > 0 && options.client.pongTimeoutMs > 0,
      session: connection.session,
      node: emulated ? connection.services.bus.nodes.self : "",
      timeMs: options.client.sendTime ? Math.trunc(clock.now()) : 0,
    },
  });
}

/** Who this is: by connection token, else by the upgrade's Bearer token, else by a trusted gateway, else anonymous. */
async function admit(connection: Connection, request: ConnectRequest): Promise<Admission | Answer> {
  const { options, authenticator, log } = connection.services;
  const token = request.token === "" ? (connection.request.bearerToken ?? "") : request.token;
  if (options.client.insecure) return anonymous(request, "", Capabilities.all);
  if (token === "") {
    const { trustedUser = "" } = connection.request;
    // A gateway that names nobody has not checked anybody.
    if (trustedUser !== "") return anonymous(request, trustedUser);
    return options.client.allowAnonymous ? anonymous(request, "") : closing(disconnects.badRequest);
  }
  const outcome = await authenticator.connection(token);
  if (outcome.kind === "expired") return refused("tokenExpired");
  if (outcome.kind === "invalid") {
    log.info(
      { client: connection.id, requestId: connection.request.requestId, reason: outcome.reason },
      "invalid token",
    );
    return closing(disconnects.invalidToken);
  }
  const { claims } = outcome;
  if (claims.user === "" && !options.client.allowAnonymous)
    return closing(disconnects.permissionDenied);
  if (hasPassed(claims.expireAt, connection)) return refused("tokenExpired");
  return { identity: identityOf(claims, request), subscriptions: claims.subscriptions };
}

/** Not by a token. */
function anonymous(
  request: ConnectRequest,
  user: string,
  capabilities = Capabilities.none,
): Admission {
  const identity = { user, info: undefined, meta: undefined, expireAt: undefined };
  return {
    identity: { ...identity, appName: request.name, appVersion: request.version, capabilities },
    subscriptions: new Map(),
  };
}

function identityOf(claims: ConnectionClaims, request: ConnectRequest): ConnectionIdentity {
  const { user, info, meta, expireAt } = claims;
  return {
    user,
    info,
    meta,
    expireAt,
    appName: request.name,
    appVersion: request.version,
    capabilities: capabilitiesOf(claims),
  };
}

/** Idle connections without any share one object. */
export function capabilitiesOf({ capabilities }: ConnectionClaims): Capabilities {
  return capabilities.length === 0 ? Capabilities.none : new Capabilities(capabilities);
}

function withPersonalChannel(
  connection: Connection,
  claimed: ReadonlyMap<string, ServerSubscriptionClaims>,
): ReadonlyMap<string, ServerSubscriptionClaims> {
  const { personalChannel, personalPrefix } = connection.services.options.client;
  const name = personalPrefix + connection.user;
  if (!personalChannel || connection.user === "" || claimed.has(name)) return claimed;
  // Without options for it there is no personal channel; that is a choice of the configuration, not the client's fault.
  if (!parseChannel(name, connection.services.options.channels)) return claimed;
  return new Map([...claimed, [name, { info: undefined, data: undefined, override: noOverride }]]);
}

/** All or nothing: rejects with the first failure after giving back what was reserved. */
async function prepareAll(
  connection: Connection,
  request: ConnectRequest,
  subscriptions: ReadonlyMap<string, ServerSubscriptionClaims>,
): Promise<readonly PreparedServerSubscription[]> {
  const settled = await Promise.allSettled(
    Array.from(subscriptions, ([name, claims]) => prepareOne(connection, request, name, claims)),
  );
  const prepared: PreparedServerSubscription[] = [];
  let failure: { readonly reason: unknown } | undefined;
  for (const outcome of settled) {
    if (outcome.status === "rejected") failure = { reason: outcome.reason };
    else if (outcome.value) prepared.push(outcome.value);
  }
  if (!failure) return prepared;
  for (const { prepared: one } of prepared) one.abandon();
  throw failure.reason;
}

async function prepareOne(
  connection: Connection,
  request: ConnectRequest,
  name: string,
  claims: ServerSubscriptionClaims,
): Promise<PreparedServerSubscription | undefined> {
  const channel = channelName(name);
  const address = parseChannel(name, connection.services.options.channels);
  if (!address) {
    connection.services.log.warn(
      { channel, user: connection.user },
      "a token names a channel whose namespace is not configured",
    );
    return undefined;
  }
  const position = request.subs.get(name);
  const terms = settleTerms(
    {
      channel,
      serverSide: true,
      chanInfo: claims.info,
      positioned: false,
      recoverable: false,
      joinLeave: false,
      expireAt: undefined,
      override: claims.override,
    },
    address,
  );
  const since = position?.recover ? { offset: position.offset, epoch: position.epoch } : undefined;
  return {
    prepared: await prepareSubscription(connection, address, terms, since),
    data: claims.data,
  };
}
