import { disconnects } from "@switchyard/protocol";
import { channelName } from "../../ids.ts";
import { type Answer, closing, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";
import { capabilitiesOf } from "./connect.ts";
import { hasPassed, isFor } from "./subscribe.ts";

/** Protocol 3.9: a new connection token before the old one's end. */
export async function refresh(connection: Connection, token: string): Promise<Answer> {
  if (token === "") return closing(disconnects.badRequest);
  const outcome = await connection.services.authenticator.connection(token);
  if (outcome.kind === "expired") return closing(disconnects.connectionExpired);
  if (outcome.kind === "invalid") return closing(disconnects.invalidToken);
  const { claims } = outcome;
  if (claims.user !== connection.user) return closing(disconnects.invalidToken);
  if (hasPassed(claims.expireAt, connection)) return closing(disconnects.connectionExpired);
  connection.renew({
    expireAt: claims.expireAt,
    info: claims.info,
    capabilities: capabilitiesOf(claims),
  });
  const ttlSeconds = connection.secondsUntil(claims.expireAt);
  const { version } = connection.services.options;
  return replied({ method: "refresh", result: { ttlSeconds, client: connection.id, version } });
}

/** Protocol 3.10: a new subscription token. Serial with subscribe and unsubscribe of the channel. */
export function subRefresh(
  connection: Connection,
  channel: string,
  token: string,
): Promise<Answer> {
  if (channel === "") return Promise.resolve(closing(disconnects.badRequest));
  return connection.serially(channel, async () => {
    const subscription = connection.subscriptions.get(channelName(channel));
    if (!subscription) return refused("permissionDenied");
    if (token === "") return refused("badRequest");
    const outcome = await connection.services.authenticator.subscription(token);
    if (outcome.kind === "expired") return refused("expired");
    if (outcome.kind === "invalid" || !isFor(outcome.claims, connection, channel))
      return closing(disconnects.invalidToken);
    const { expireAt } = outcome.claims;
    if (hasPassed(expireAt, connection)) return refused("expired");
    subscription.expireAt = expireAt;
    connection.deadlines.subscriptionExpires();
    const ttlSeconds = connection.secondsUntil(expireAt);
    return replied({ method: "sub_refresh", result: { ttlSeconds, client: "", version: "" } });
  });
}
