import type { SeededRandom } from "@switchyard/testkit";
import type { QueueTerms } from "../check/history.ts";
import type { ServerUnderTest } from "../world/server-under-test.ts";
import { askApi } from "./http-api.ts";

export const exchange = "chaos.events";
export const plainQueue = "chaos.plain";
export const retriedQueue = "chaos.retried";
export const boundedQueue = "chaos.bounded";
/** Where dead letters end. */
export const deadLetterQueues = ["chaos.dead", "switchyard.dead-letters"] as const;

const deadLetters = { dead_letter_exchange: "amq.default", dead_letter_key: deadLetterQueues[0] };

/** Declares a fanout exchange with three queues, and says what they are like. Some of it is drawn. */
export async function declareTopology(
  server: ServerUnderTest,
  random: SeededRandom,
): Promise<readonly QueueTerms[]> {
  const overflow = random.pick(["drop-head", "dead-letter"] as const);
  const hasDeadLetterExchange = random.chance(0.5);
  const maxAttempts = 2 + random.int(3);
  await askApi(server, "PUT", `/v1/exchanges/${exchange}`, { type: "fanout" });
  const queues = {
    [deadLetterQueues[0]]: {},
    [plainQueue]: {},
    [retriedQueue]: {
      ...deadLetters,
      max_attempts: maxAttempts,
      retry: { initial_ms: 40, maximum_ms: 400, jitter: 0.2 },
    },
    [boundedQueue]: { ...(hasDeadLetterExchange && deadLetters), max_length: 40, overflow },
  };
  for (const [name, properties] of Object.entries(queues))
    await askApi(server, "PUT", `/v1/queues/${name}`, properties);
  const plain = {
    name: plainQueue,
    hasDeadLetterExchange: false,
    maxAttempts: undefined,
    overflow: undefined,
  };
  const retried = { ...plain, name: retriedQueue, hasDeadLetterExchange: true, maxAttempts };
  const bounded = { ...plain, name: boundedQueue, hasDeadLetterExchange, overflow };
  const terms = [plain, retried, bounded];
  for (const { name } of terms) {
    const destination = { type: "queue", name };
    await askApi(server, "POST", "/v1/bindings", { exchange, key: "", destination });
  }
  return terms;
}
