import { bind, declareExchange, declareQueue, problemText } from "./broker-api.ts";

const exchange = "orders";
const queues = [
  { name: "packing", key: "order.*", limits: { max_attempts: 5 } },
  { name: "billing", key: "order.paid", limits: {} },
  { name: "audit", key: "#", limits: { max_length: 1_000 } },
];

/** One topic exchange with three queues, to play with. Idempotent. Returns what went wrong. */
export async function setUpExample(): Promise<string | undefined> {
  try {
    await declareExchange(exchange, "topic");
    for (const { name, key, limits } of queues) {
      await declareQueue(name, limits);
      await bind({ exchange, key, destination: { type: "queue", name } });
    }
    return undefined;
  } catch (error) {
    return `Not set up: ${problemText(error)}.`;
  }
}
