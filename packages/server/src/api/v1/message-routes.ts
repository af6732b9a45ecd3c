import type { DeadLetterSelection } from "@switchyard/core";
import { z } from "zod";
import { type ApiRoute, apiRoute, jsonBody, jsonOf } from "./api-route.ts";
import { queryInteger } from "./members.ts";
import { browsedExample, browsedJson, browsedSchema } from "./message-json.ts";

const tag = "Messages";

const selectionBody = z.strictObject({
  seqs: z
    .array(z.int().min(0))
    .max(10_000)
    .optional()
    .describe("As browsing gives them. Default: all."),
  limit: z.int().min(1).optional().describe("At most this many."),
  rate_per_second: z
    .number()
    .min(0.001)
    .max(1_000_000)
    .optional()
    .describe("Default: as fast as can be. With it the work goes on after the answer."),
});

function selection(body: z.output<typeof selectionBody>): DeadLetterSelection {
  return { seqs: body.seqs, limit: body.limit, ratePerSecond: body.rate_per_second };
}

export const messageRoutes: readonly ApiRoute[] = [
  apiRoute({
    verb: "GET",
    path: "/v1/queues/{name}/messages",
    id: "browse",
    tag,
    summary: "Look at messages without taking them",
    scope: "read",
    query: z.strictObject({
      limit: queryInteger(1, 1_000, 100).describe("Messages per page."),
      cursor: z.string().min(1).max(1_024).optional().describe("Of the page before."),
    }),
    answers: {
      200: {
        description: "In the order of delivery. Without `cursor` that was all.",
        schema: z.strictObject({
          messages: z.array(browsedSchema),
          cursor: z.string().optional(),
        }),
        example: { messages: [browsedExample] },
      },
    },
    failures: [404, 503],
    run: async ({ broker, name, query: { limit, cursor } }) => {
      const page = await broker.browse(name, { limit, cursor });
      const next = page.cursor === undefined ? "" : `,"cursor":${JSON.stringify(page.cursor)}`;
      const messages = page.messages.map(browsedJson).join(",");
      return { status: 200, json: `{"messages":[${messages}]${next}}` };
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/replay",
    id: "replay",
    tag,
    summary: "Publish dead letters again",
    description: "Into the queue where each died last, with their attempts at 0.",
    scope: "dead-letters",
    body: jsonBody(selectionBody, { limit: 1_000, rate_per_second: 50 }),
    answers: {
      200: {
        description: "So many are replayed, so many will be, so many stay.",
        schema: z.strictObject({
          replayed: z.int(),
          scheduled: z.int().describe("Still to come, at the rate."),
          kept: z.int().describe("Their queue is gone or full, or they are no dead letters."),
        }),
        example: { replayed: 1, scheduled: 999, kept: 0 },
      },
    },
    failures: [404, 503],
    run: async ({ broker, name, body }) => {
      const { replayed, scheduled, kept } = await broker.replay(name, selection(body));
      return jsonOf({ replayed, scheduled, kept });
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/queues/{name}/discard",
    id: "discard",
    tag,
    summary: "Throw dead letters away",
    scope: "dead-letters",
    body: jsonBody(selectionBody, { seqs: [17, 18] }),
    answers: {
      200: {
        description: "So many are gone.",
        schema: z.strictObject({ discarded: z.int() }),
        example: { discarded: 2 },
      },
    },
    failures: [404, 503],
    run: async ({ broker, name, body }) =>
      jsonOf({ discarded: await broker.discard(name, selection(body)) }),
  }),
];
