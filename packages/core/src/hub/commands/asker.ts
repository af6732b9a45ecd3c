import { type ChannelAddress, parseChannel } from "../../channels/channel-address.ts";
import type { Asker } from "../../channels/permissions.ts";
import type { ErrorName } from "../../errors/error-table.ts";
import type { Connection } from "../connection.ts";

export function askerOf(connection: Connection): Asker {
  return { user: connection.user, insecure: connection.services.options.client.insecure };
}

/** The channel that a client named, or why it is refused. */
export function resolveChannel(connection: Connection, name: string): ChannelAddress | ErrorName {
  const { channels, limits } = connection.services.options;
  if (name.length > limits.channelNameLength) return "badRequest";
  const address = parseChannel(name, channels);
  if (!address) return "unknownChannel";
  return address.wellFormed ? address : "badRequest";
}
