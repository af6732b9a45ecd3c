import type { SubscribeResult } from "@switchyard/protocol";
import { type ChannelAddress, parseChannel } from "../channels/channel-address.ts";
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
  if (connection.closed) return;
  const { channel } = order;
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
  connection.reservedSubscriptions += 1;
  try {
    await join(connection, order, address);
  } finally {
    connection.reservedSubscriptions -= 1;
  }
}

async function join(
  connection: Connection,
  order: SubscribeOrder,
  address: ChannelAddress,
): Promise<void> {
  const { channel, recoverSince } = order;
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
  try {
    pushResult(connection, order, prepared.result(undefined));
  } catch (error) {
    prepared.abandon();
    throw error;
  }
  // What was recovered may have been too much for a slow link, or nothing for its encoding.
  if (connection.closed) prepared.abandon();
  else prepared.enter();
}

function pushResult(
  connection: Connection,
  { channel, data }: SubscribeOrder,
  { recoverable, positioned, epoch, offset, recovery }: SubscribeResult,
): void {
  connection.push({ type: "subscribe", channel, recoverable, positioned, epoch, offset, data });
  if (recovery.kind !== "recovered") return;
  for (const publication of recovery.publications) {
    connection.push({ type: "publication", channel, publication, epoch: "", timeMs: 0 });
  }
}
