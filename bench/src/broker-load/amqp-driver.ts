import { type ConfirmChannel, connect, type ConsumeMessage } from "amqplib";
import {
  type BrokerDriver,
  type DriverEvents,
  EXCHANGE,
  PREFETCH,
  PUBLISHER_CONNECTIONS,
  queueNames,
  stampIn,
} from "./driver.ts";

/** Publisher confirms, persistent messages, durable queues; acknowledged by one `multiple` a turn of the event loop. */
export async function openAmqpDriver(
  port: number,
  queues: number,
  queueType: "quorum" | "classic",
  events: DriverEvents,
): Promise<BrokerDriver> {
  const open = async () => {
    const connection = await connect({ hostname: "127.0.0.1", port });
    connection.on("error", (error: Error) => events.failed(error.message));
    connection.on("close", () => events.failed("connection lost"));
    return connection;
  };
  const control = await (await open()).createChannel();
  await control.assertExchange(EXCHANGE, "fanout", { durable: true });
  const names = queueNames(queues);
  for (const name of names) {
    await control.assertQueue(name, {
      durable: true,
      arguments: { "x-queue-type": queueType },
    });
    await control.bindQueue(name, EXCHANGE, "");
    const channel = await (await open()).createChannel();
    await channel.prefetch(PREFETCH);
    let last: ConsumeMessage | undefined;
    let unacknowledged = 0;
    await channel.consume(name, (message) => {
      if (message === null) {
        events.failed("consumer cancelled");
        return;
      }
      events.delivered(stampIn(message.content.toString("latin1"), 0));
      if (message.fields.redelivered) events.redelivered(1);
      if (last === undefined) {
        setImmediate(() => {
          if (last !== undefined) channel.ack(last, true);
          events.acknowledged(unacknowledged);
          last = undefined;
          unacknowledged = 0;
        });
      }
      last = message;
      unacknowledged += 1;
    });
  }
  const channels: ConfirmChannel[] = [];
  for (let index = 0; index < PUBLISHER_CONNECTIONS; index += 1)
    channels.push(await (await open()).createConfirmChannel());
  let turn = 0;
  return {
    publish: (messages) => {
      for (const { number, body } of messages) {
        channels[turn]?.publish(
          EXCHANGE,
          "k",
          Buffer.from(body, "latin1"),
          { persistent: true, contentType: "application/json" },
          (error: unknown) => {
            if (error === null || error === undefined) events.confirmed(number);
            else events.refused(number, error instanceof Error ? error.message : "refused");
          },
        );
      }
      turn = (turn + 1) % channels.length;
    },
    left: async () => {
      let left = 0;
      for (const name of names) left += (await control.checkQueue(name)).messageCount;
      return left;
    },
  };
}
