import { type ChannelAddress, parseChannel } from "../../channels/channel-address.ts";
import type { Asker } from "../../channels/permissions.ts";
import type { ErrorName } from "../../errors/error-table.ts";
import type { ChannelName } from "../../ids.ts";
import type { Connection } from "../connection.ts";

/** Who asks for something on `channel`. What the connection's capabilities allow is allowed in any namespace. */
export function askerOf(connection: Connection, channel: ChannelName): Asker {
  return {
    user: connection.user,
    insecure: connection.services.options.client.insecure,
    isPermitted: (verb) => connection.capabilities.allows("channels", channel, verb),
  };
}

/** The channel that a client named, or why it is refused. */
export function resolveChannel(connection: Connection, name: string): ChannelAddress | ErrorName {
  const { channels, limits } = connection.services.options;
  if (name.length > limits.channelNameLength) return "badRequest";
  const address = parseChannel(name, channels);
  if (!address) return "unknownChannel";
  return address.wellFormed ? address : "badRequest";
}
