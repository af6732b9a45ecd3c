import { createToken } from "../generator/token.ts";
import type { BrokerDialect } from "./commands.ts";
import { type BrokerDriver, type DriverEvents, EXCHANGE, queueNames } from "./driver.ts";
import { openSwitchyardConsumer } from "./switchyard-consumer.ts";
import { openHttpPublisher, openSocketPublisher } from "./switchyard-publishers.ts";

type SwitchyardDialect = Extract<BrokerDialect, { kind: "switchyard" }>;

/** Publishes to a fanout exchange; each queue has one consumer on a WebSocket. */
export async function openSwitchyardDriver(
  port: number,
  queues: number,
  { apiKey, tokenSecret, publishVia, givenIds }: SwitchyardDialect,
  events: DriverEvents,
): Promise<BrokerDriver> {
  const ask = async (verb: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: verb,
      headers: { "X-API-Key": apiKey },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${verb} ${path}: ${response.status} ${text.slice(0, 200)}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  const token = createToken(tokenSecret, {
    sub: "bench",
    caps: [
      { exchanges: [EXCHANGE], allow: ["publish"] },
      { queues: ["*"], match: "wildcard", allow: ["consume"] },
    ],
  });
  const names = queueNames(queues);
  await ask("PUT", `/v1/exchanges/${EXCHANGE}`, { type: "fanout" });
  for (const name of names) {
    await ask("PUT", `/v1/queues/${name}`, {});
    await ask("POST", "/v1/bindings", { exchange: EXCHANGE, destination: { type: "queue", name } });
    await openSwitchyardConsumer(port, token, name, events);
  }
  const publish =
    publishVia === "http"
      ? await openHttpPublisher(port, apiKey, givenIds, events)
      : await openSocketPublisher(port, token, givenIds, events);
  return {
    publish,
    left: async () => {
      let left = 0;
      for (const name of names) {
        // What the API says of a queue.
        const queue = (await ask("GET", `/v1/queues/${name}`)) as {
          readonly ready: number;
          readonly unsettled: number;
        };
        left += queue.ready + queue.unsettled;
      }
      return left;
    },
  };
}
