import { disconnects, type JsonText } from "@switchyard/protocol";
import type { ChannelAddress } from "../../channels/channel-address.ts";
import { mayUse } from "../../channels/permissions.ts";
import { fitsFormat } from "../../channels/publication-format.ts";
import { type ChannelName, channelName } from "../../ids.ts";
import { type Answer, closing, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";
import { askerOf, resolveChannel } from "./asker.ts";

/** Protocol 3.4. Publications of one connection to one channel are appended in the order of their commands. */
export function publish(
  connection: Connection,
  name: string,
  data: JsonText | undefined,
): Promise<Answer> {
  if (name === "") return Promise.resolve(closing(disconnects.badRequest));
  return connection.afterTasks(name, async () => {
    const channel = channelName(name);
    const address = resolveChannel(connection, channel);
    if (typeof address === "string") return refused(address);
    const subscribed = connection.subscriptions.has(channel);
    if (!mayUse("Publish", address.options, askerOf(connection, channel), subscribed))
      return refused("permissionDenied");
    if (data === undefined || !fitsFormat(data, address.options.publicationDataFormat))
      return refused("badRequest");
    if (!connection.admitsPublication(channel, address.options.publicationsPerSecond))
      return refused("tooManyRequests");
    return append(connection, channel, address, data);
  });
}

async function append(
  connection: Connection,
  channel: ChannelName,
  address: ChannelAddress,
  data: JsonText,
): Promise<Answer> {
  const { bus, observer } = connection.services;
  const info = connection.subscriptions.get(channel)?.info ?? connection.info;
  await bus.channels.publish(
    channel,
    { data, info, tags: undefined },
    { retention: address.options.retention, idempotency: undefined, version: 0, versionEpoch: "" },
  );
  observer.publicationAccepted("client");
  return replied({ method: "publish" });
}
