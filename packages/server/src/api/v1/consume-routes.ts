import type { Settlement, SettleOutcome } from "@switchyard/core";
import { z } from "zod";
import {
  type ApiRoute,
  apiRoute,
  jsonBody,
  type RouteAnswer,
  type RouteCall,
} from "./api-route.ts";
import { milliseconds } from "./members.ts";
import { deliveryExample, deliverySchema, pulledJson } from "./message-json.ts";

const tag = "Consuming";

/** The longest that a pull waits; the listener must keep the connection for longer. */
export const longestWaitMs = 60_000;
const mostDeliveries = 1_000;
const mostReceipts = 10_000;

const leaseMs = z.int().min(1_000).max(43_200_000);
const receipts = z.array(z.string().max(1_024)).max(mostReceipts);

const pullBody = z.strictObject({
  max: z.int().min(1).max(mostDeliveries).default(1).describe("Deliveries."),
  wait_ms: z
    .int()
    .min(0)
    .max(longestWaitMs)
    .default(0)
    .describe("How long to wait for the first message."),
  lease_ms: leaseMs
    .default(30_000)
    .describe("Without a word in this time a message is ready again."),
});

const settled = z.strictObject({
  results: z
    .array(z.enum(["settled", "unknown"]))
    .describe("By receipt, in order. `unknown`: settled before, or its lease is over."),
  settled: z.int().describe("How many are settled."),
});

const settledAnswer = {
  description: "After commit.",
  schema: settled,
  example: { results: ["settled"], settled: 1 },
};

export const consumeRoutes: readonly ApiRoute[] = [
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/pull",
    id: "pull",
    tag,
    summary: "Take messages from a queue",
    description: "Each is to be settled by its receipt before its lease is over.",
    scope: "consume",
    body: jsonBody(pullBody, { max: 100, wait_ms: 20_000 }),
    answers: {
      200: {
        description: "None, when nothing came in time.",
        schema: z.strictObject({ deliveries: z.array(deliverySchema) }),
        example: { deliveries: [deliveryExample] },
      },
    },
    failures: [404, 409, 503],
    run: pull,
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/ack",
    id: "ack",
    tag,
    summary: "Messages are done with",
    scope: "consume",
    body: jsonBody(z.strictObject({ receipts }), { receipts: [deliveryExample.receipt] }),
    answers: { 200: settledAnswer },
    failures: [503],
    run: (call) => settle(call, { type: "ack" }),
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/nack",
    id: "nack",
    tag,
    summary: "Messages could not be worked on",
    description:
      "Back into the queue after `delay_ms`, else by the queue's retry policy, else at once in their old place.",
    scope: "consume",
    body: jsonBody(
      z.strictObject({
        receipts,
        requeue: z.boolean().default(true).describe("false: as reject."),
        delay_ms: milliseconds(0).optional(),
      }),
      { receipts: [deliveryExample.receipt], delay_ms: 5_000 },
    ),
    answers: { 200: settledAnswer },
    failures: [503],
    run: (call) => {
      const { requeue, delay_ms: delayMs } = call.body;
      return settle(call, { type: "nack", requeue, delayMs });
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/reject",
    id: "reject",
    tag,
    summary: "Messages become dead letters",
    scope: "consume",
    body: jsonBody(z.strictObject({ receipts }), { receipts: [deliveryExample.receipt] }),
    answers: { 200: settledAnswer },
    failures: [503],
    run: (call) => settle(call, { type: "reject" }),
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/extend",
    id: "extend",
    tag,
    summary: "More time to work on messages",
    scope: "consume",
    body: jsonBody(
      z.strictObject({ receipts, lease_ms: leaseMs.default(30_000).describe("From now.") }),
      { receipts: [deliveryExample.receipt], lease_ms: 60_000 },
    ),
    answers: { 200: { ...settledAnswer, description: "`settled`: extended." } },
    failures: [503],
    run: async ({ broker, name, body }) =>
      settledJson(await broker.extendReceipts(name, body.receipts, body.lease_ms)),
  }),
];

async function pull({
  broker,
  name,
  body,
  signal,
}: RouteCall<unknown, z.output<typeof pullBody>>): Promise<RouteAnswer> {
  const { max, wait_ms: waitMs, lease_ms: lease } = body;
  const deliveries = await broker.pull(name, { max, waitMs, leaseMs: lease, signal });
  if (signal.aborted && deliveries.length > 0) {
    // Nobody is there to work on them: they need not wait for the end of their lease.
    const back = { type: "nack", requeue: true, delayMs: undefined } as const;
    await broker.settleReceipts(
      name,
      deliveries.map(({ receipt }) => receipt),
      back,
    );
  }
  return { status: 200, json: `{"deliveries":[${deliveries.map(pulledJson).join(",")}]}` };
}

async function settle(
  { broker, name, body }: RouteCall<unknown, { readonly receipts: readonly string[] }>,
  settlement: Settlement,
): Promise<RouteAnswer> {
  return settledJson(await broker.settleReceipts(name, body.receipts, settlement));
}

function settledJson(results: readonly SettleOutcome[]): RouteAnswer {
  const count = results.filter((outcome) => outcome === "settled").length;
  return { status: 200, json: JSON.stringify({ results, settled: count }) };
}
