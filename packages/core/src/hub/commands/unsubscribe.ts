import { disconnects } from "@switchyard/protocol";
import { channelName } from "../../ids.ts";
import type { Timer } from "../../ports/clock.ts";
import { type Answer, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";

/** SDKs give a reply 5 s as well, and then reconnect by themselves. */
const longestWaitMs = 5_000;

/**
 * Protocol 3.3. Waits for a subscribe of the same channel that is under way, for 5 s at most: then the connection is
 * closed with 3004, because it must not be answered and be subscribed all the same when the bus comes back. A channel
 * that is not subscribed is a success.
 */
export function unsubscribe(connection: Connection, channel: string): Promise<Answer> {
  let isWaiting = true;
  let limit: Timer | undefined;
  const answer = connection.serially(channel, async () => {
    isWaiting = false;
    limit?.cancel();
    connection.endSubscription(channelName(channel));
    return replied({ method: "unsubscribe" });
  });
  if (isWaiting) limit = connection.services.clock.after(longestWaitMs, () => giveUp(connection));
  return answer;
}

function giveUp(connection: Connection): void {
  if (connection.closed) return;
  connection.services.log.warn(
    { client: connection.id, requestId: connection.request.requestId },
    "an unsubscribe waited too long for the subscribe before it",
  );
  connection.close(disconnects.internalError);
}
