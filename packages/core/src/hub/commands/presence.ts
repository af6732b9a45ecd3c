import { disconnects } from "@switchyard/protocol";
import type { ErrorName } from "../../errors/error-table.ts";
import { mayUse } from "../../channels/permissions.ts";
import { channelName } from "../../ids.ts";
import { type Answer, closing, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";
import { askerOf, resolveChannel } from "./asker.ts";

/** Protocol 3.5. */
export function presence(connection: Connection, channel: string): Promise<Answer> {
  return ifPermitted(connection, channel, async () => {
    const members = await connection.services.bus.presence.members(channelName(channel));
    return replied({ method: "presence", result: { presence: members } });
  });
}

export function presenceStats(connection: Connection, channel: string): Promise<Answer> {
  return ifPermitted(connection, channel, async () => {
    const result = await connection.services.bus.presence.stats(channelName(channel));
    return replied({ method: "presence_stats", result });
  });
}

function ifPermitted(
  connection: Connection,
  channel: string,
  answer: () => Promise<Answer>,
): Promise<Answer> {
  if (channel === "") return Promise.resolve(closing(disconnects.badRequest));
  return connection.afterTasks(channel, async () => {
    const refusal = presenceRefusal(connection, channel);
    return refusal ? refused(refusal) : answer();
  });
}

function presenceRefusal(connection: Connection, channel: string): ErrorName | undefined {
  const address = resolveChannel(connection, channel);
  if (typeof address === "string") return address;
  if (!address.options.presence) return "notAvailable";
  const name = channelName(channel);
  const subscribed = connection.subscriptions.has(name);
  return mayUse("Presence", address.options, askerOf(connection, name), subscribed)
    ? undefined
    : "permissionDenied";
}
