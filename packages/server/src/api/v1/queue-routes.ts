import type { QueueDescription } from "@switchyard/core";
import { z } from "zod";
import { hasScopeFor, requireScope } from "../../auth/api-key.ts";
import { type ApiRoute, apiRoute, jsonBody, jsonOf } from "./api-route.ts";
import { namedQueue, queueBody, queueDefinition, queueJson } from "./definitions.ts";
import { querySwitch } from "./members.ts";

const tag = "Queues";

const description = z.strictObject({
  ...namedQueue.shape,
  built_in: z.boolean().describe("Predeclared: cannot be deleted."),
  exclusive: z.boolean().describe("Belongs to one connection, and ends with it."),
  ready: z.int().describe("Messages that wait for a consumer."),
  bytes: z.int().describe("Of their bodies."),
  unsettled: z.int().describe("Messages with a consumer."),
  delayed: z.int().describe("Messages that wait for their time."),
  consumers: z.int(),
  oldest_age_ms: z
    .number()
    .optional()
    .describe("Since the oldest ready message was published. Missing: none is ready."),
  counts: z
    .strictObject({
      published: z.int(),
      delivered: z.int(),
      redelivered: z.int(),
      acknowledged: z.int(),
      dead: z.int(),
      expired: z.int(),
      dropped: z.int(),
    })
    .describe("Since the start of this node."),
  rates: z
    .strictObject({ published: z.number(), delivered: z.number(), acknowledged: z.number() })
    .describe("Messages per second over the last five seconds that are over."),
});

function descriptionJson(queue: QueueDescription): z.input<typeof description> {
  const { ready, unsettled, delayed, consumers, oldestAgeMs } = queue;
  const { published, delivered, redelivered, acknowledged, dead, expired, dropped } = queue.counts;
  return {
    ...queueJson(queue),
    built_in: queue.builtIn,
    exclusive: queue.exclusiveTo !== undefined,
    ready,
    bytes: queue.readyBytes,
    unsettled,
    delayed,
    consumers,
    ...(oldestAgeMs !== undefined && { oldest_age_ms: oldestAgeMs }),
    counts: { published, delivered, redelivered, acknowledged, dead, expired, dropped },
    rates: queue.rates,
  };
}

const declaredExample = {
  name: "packing",
  durable: true,
  auto_delete: false,
  overflow: "reject-publish",
  max_length: 100_000,
  max_attempts: 5,
  retry: { initial_ms: 500, maximum_ms: 60_000, jitter: 0.2 },
  single_active_consumer: false,
} as const;

const describedExample = {
  ...declaredExample,
  built_in: false,
  exclusive: false,
  ready: 2,
  bytes: 240,
  unsettled: 1,
  delayed: 0,
  consumers: 1,
  oldest_age_ms: 1_500,
  counts: {
    published: 12,
    delivered: 10,
    redelivered: 0,
    acknowledged: 9,
    dead: 0,
    expired: 0,
    dropped: 0,
  },
  rates: { published: 2.4, delivered: 2, acknowledged: 1.8 },
};

export const queueRoutes: readonly ApiRoute[] = [
  apiRoute({
    verb: "GET",
    path: "/v1/queues",
    id: "listQueues",
    tag,
    summary: "All queues, with their depths",
    scope: "read",
    answers: {
      200: {
        description: "Those that the key may read.",
        schema: z.strictObject({ queues: z.array(description) }),
        example: { queues: [describedExample] },
      },
    },
    run: ({ broker, key }) =>
      jsonOf({
        queues: broker
          .queues()
          .filter(({ name }) => hasScopeFor(key, "read", name))
          .map(descriptionJson),
      }),
  }),
  apiRoute({
    verb: "GET",
    path: "/v1/queues/{name}",
    id: "getQueue",
    tag,
    summary: "One queue, with its depth",
    scope: "read",
    answers: { 200: { description: "It.", schema: description, example: describedExample } },
    failures: [404],
    run: ({ broker, name }) => jsonOf(descriptionJson(broker.queue(name))),
  }),
  apiRoute({
    verb: "PUT",
    path: "/v1/queues/{name}",
    id: "declareQueue",
    tag,
    summary: "Declare a queue",
    description: "Idempotent. With other properties than it has: 409, naming what differs.",
    scope: "topology",
    body: jsonBody(queueBody, {
      max_length: 100_000,
      overflow: "reject-publish",
      max_attempts: 5,
      retry: { initial_ms: 500, maximum_ms: 60_000, jitter: 0.2 },
    }),
    answers: {
      200: { description: "It was there.", schema: namedQueue, example: declaredExample },
      201: { description: "It was declared.", schema: namedQueue, example: declaredExample },
    },
    failures: [404, 409, 503],
    run: async ({ broker, name, body, key }) => {
      // Dead letters are published there with the queue's own rights, so the key must have them too.
      if (body.dead_letter_exchange !== undefined)
        requireScope(key, "topology", [body.dead_letter_exchange]);
      const queue = queueDefinition(name, body);
      const isNew = await broker.declareQueue(queue);
      return jsonOf(queueJson(queue), isNew ? 201 : 200);
    },
  }),
  apiRoute({
    verb: "DELETE",
    path: "/v1/queues/{name}",
    id: "deleteQueue",
    tag,
    summary: "Delete a queue with its messages and bindings",
    scope: "topology",
    query: z.strictObject({
      if_empty: querySwitch().describe("Only without messages."),
      if_unused: querySwitch().describe("Only without consumers."),
    }),
    answers: {
      200: {
        description: "It is gone, with so many messages.",
        schema: z.strictObject({ messages: z.int() }),
        example: { messages: 3 },
      },
    },
    failures: [404, 409, 503],
    run: async ({ broker, name, query }) => {
      const conditions = { ifEmpty: query.if_empty, ifUnused: query.if_unused };
      return jsonOf({ messages: await broker.deleteQueue(name, conditions) });
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/purge",
    id: "purgeQueue",
    tag,
    summary: "Remove ready and delayed messages",
    description: "Not those that are with a consumer.",
    scope: "topology",
    body: jsonBody(z.strictObject({}), {}),
    answers: {
      200: {
        description: "So many messages are gone.",
        schema: z.strictObject({ messages: z.int() }),
        example: { messages: 3 },
      },
    },
    failures: [404, 503],
    run: async ({ broker, name }) => jsonOf({ messages: await broker.purgeQueue(name) }),
  }),
];
