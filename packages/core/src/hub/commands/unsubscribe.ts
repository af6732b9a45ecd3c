import { channelName } from "../../ids.ts";
import { type Answer, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";

/** Protocol 3.3. Waits for a subscribe of the same channel that is under way; a channel that is not subscribed is a success. */
export function unsubscribe(connection: Connection, channel: string): Promise<Answer> {
  return connection.serially(channel, async () => {
    connection.endSubscription(channelName(channel));
    return replied({ method: "unsubscribe" });
  });
}
