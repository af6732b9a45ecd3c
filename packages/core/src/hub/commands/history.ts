import { disconnects, type HistoryRequest } from "@switchyard/protocol";
import { firstWithin } from "../../channels/first-within.ts";
import { mayUse } from "../../channels/permissions.ts";
import { channelName } from "../../ids.ts";
import type { Retention } from "../../ports/bus.ts";
import { type Answer, closing, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";
import { askerOf, resolveChannel } from "./asker.ts";

/**
 * Protocol 3.6. A reply takes half of the link's queue at most, however many publications were asked for: more would
 * end the connection as slow. Its last offset and the top tell whether there are others.
 */
export function history(connection: Connection, request: HistoryRequest): Promise<Answer> {
  if (request.channel === "") return Promise.resolve(closing(disconnects.badRequest));
  return connection.afterTasks(request.channel, async () => {
    const channel = channelName(request.channel);
    const address = resolveChannel(connection, channel);
    if (typeof address === "string") return refused(address);
    const { retention } = address.options;
    if (!retention) return refused("notAvailable");
    const subscribed = connection.subscriptions.has(channel);
    if (!mayUse("History", address.options, askerOf(connection, channel), subscribed))
      return refused("permissionDenied");
    return read(connection, request, retention);
  });
}

async function read(
  connection: Connection,
  request: HistoryRequest,
  retention: Retention,
): Promise<Answer> {
  const { since, reverse } = request;
  const { historyPublications, queueBytes } = connection.services.options.limits;
  const limit =
    request.limit < 0 ? historyPublications : Math.min(request.limit, historyPublications);
  const { publications, top } = await connection.services.bus.channels.history(
    channelName(request.channel),
    {
      since,
      limit,
      reverse,
      retention,
    },
  );
  if (since && since.epoch !== "" && since.epoch !== top.epoch)
    return refused("unrecoverablePosition");
  if (since && since.offset > top.offset) return refused("unrecoverablePosition");
  return replied({
    method: "history",
    result: { publications: firstWithin(queueBytes / 2, publications), ...top },
  });
}
