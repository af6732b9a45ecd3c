import { parseChannel } from "../channels/channel-address.ts";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import { hasPassed } from "./commands/subscribe.ts";
import type { Connection } from "./connection.ts";
import type { NodeRequest } from "./node-request.ts";
import { prepareSubscription, settleTerms } from "./subscribing.ts";

type SubscribeOrder = Extract<NodeRequest, { readonly type: "subscribe" }>;

/**
 * Adds a server-side subscription to a live connection (server API 7.3). One that exists is made anew, with a second
 * subscribe push. What was missed since `recoverSince` follows the push as publications.
 */
export function subscribeByServer(connection: Connection, order: SubscribeOrder): Promise<void> {
  return connection.serially(order.channel, () => subscribeNext(connection, order));
}

async function subscribeNext(connection: Connection, order: SubscribeOrder): Promise<void> {
  const { channel, recoverSince } = order;
  const address = parseChannel(channel, connection.services.options.channels);
  if (!address) throw new SwitchyardError("unknownChannel");
  if (hasPassed(order.expireAt, connection))
    throw new SwitchyardError("internal", { detail: "expire_at has passed" });
  const exists = connection.subscriptions.has(channel);
  const { channelsPerConnection } = connection.services.options.limits;
  if (
    !exists &&
    connection.subscriptions.size + connection.reservedSubscriptions >= channelsPerConnection
  ) {
    throw new SwitchyardError("limitExceeded");
  }
  const terms = settleTerms(
    {
      channel,
      serverSide: true,
      chanInfo: order.info,
      positioned: false,
      recoverable: false,
      joinLeave: false,
      expireAt: order.expireAt,
      override: order.override,
    },
    address,
  );
  const prepared = await prepareSubscription(connection, address, terms, recoverSince);
  if (connection.closed) return prepared.abandon();
  const { recoverable, positioned, epoch, offset, recovery } = prepared.result(undefined);
  if (exists) connection.replaceSubscription(channel);
  connection.push({
    type: "subscribe",
    channel,
    recoverable,
    positioned,
    epoch,
    offset,
    data: order.data,
  });
  if (recovery.kind === "recovered") {
    for (const publication of recovery.publications) {
      connection.push({ type: "publication", channel, publication, epoch: "", timeMs: 0 });
    }
  }
  prepared.enter();
}
