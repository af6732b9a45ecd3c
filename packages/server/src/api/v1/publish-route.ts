import {
  asSwitchyardError,
  type NewEvent,
  type PublishEventOutcome,
  SwitchyardError,
} from "@switchyard/core";
import { z } from "zod";
import { publisherName } from "../../auth/api-key.ts";
import { apiRoute, type RouteCall } from "./api-route.ts";
import { errorJson, errorSchema } from "./error-answer.ts";
import { exchangeNamed } from "./members.ts";
import { eventSchema, type GivenEvents, mostEvents, readEvents } from "./new-events.ts";

const confirmed = z.strictObject({
  id: z.string(),
  routed: z.int().describe("Queues and channels that got it."),
  duplicate: z
    .literal(true)
    .optional()
    .describe("Its id was known: it had been confirmed before, and was not delivered again."),
  returned: z
    .literal(true)
    .optional()
    .describe("It was `mandatory` and nothing took it; it is in `event`, as it came."),
  event: eventSchema.optional(),
});

const failed = z.strictObject({
  error: errorSchema.extend({ index: z.int().describe("Its place in `events`.") }),
});

export const publishRoute = apiRoute({
  verb: "POST",
  path: "/v1/exchanges/{name}/publish",
  id: "publish",
  tag: "Publishing",
  summary: "Publish one event, or many",
  description:
    "Answered after commit. Events of one request do not stand or fall together; an event is in all its queues or in none. The default exchange is `amq.default`.",
  scope: "publish",
  body: {
    schema: z.union([
      eventSchema,
      z.strictObject({ events: z.array(eventSchema).min(1).max(mostEvents) }),
    ]),
    example: { key: "order.created", headers: { warehouse: "ams" }, body: { order: 7 } },
    read: (text, name) => readEvents(text, exchangeNamed(name)),
  },
  answers: {
    200: {
      description: "What became of the one event, or of each of the many, in order.",
      schema: z.union([
        confirmed,
        z.strictObject({ results: z.array(z.union([confirmed, failed])) }),
      ]),
      example: { id: "0d2c6e2e-7d5b-4c3a-9a55-0b0c8a3f6f11", routed: 3 },
    },
  },
  failures: [404, 429, 503],
  run: async (call) => {
    const outcomes = await publishReadable(call);
    const json = call.body.isBatch ? batchJson(call, outcomes) : oneJson(call, outcomes);
    return { status: 200, json };
  },
});

type PublishCall = RouteCall<unknown, GivenEvents>;

/** Outcomes of those events that could be read, in order. */
async function publishReadable({
  broker,
  body,
  key,
}: PublishCall): Promise<readonly PublishEventOutcome[]> {
  const events: NewEvent[] = [];
  for (const { event } of body.events) if (!(event instanceof SwitchyardError)) events.push(event);
  return events.length === 0 ? [] : broker.publish(events, publisherName(key));
}

/** Throws when the event was not published. */
function oneJson({ body }: PublishCall, [outcome]: readonly PublishEventOutcome[]): string {
  if (outcome === undefined) throw new Error("the broker gave no outcome");
  if (outcome.kind === "failed") throw outcome.error;
  return outcomeJson(outcome, body.text);
}

function batchJson(call: PublishCall, outcomes: readonly PublishEventOutcome[]): string {
  const { text, events } = call.body;
  let next = 0;
  const results = events.map(({ event, start, end }, index) => {
    if (event instanceof SwitchyardError) return `{"error":${errorJson(event, index)}}`;
    const outcome = outcomes[next];
    next += 1;
    if (outcome === undefined) throw new Error("the broker gave too few outcomes");
    if (outcome.kind !== "failed") return outcomeJson(outcome, text.slice(start, end));
    const error = asSwitchyardError(outcome.error);
    if (error.row.logLevel === "error")
      call.log.error({ requestId: call.requestId, cause: error.cause }, "an event failed");
    return `{"error":${errorJson(error, index)}}`;
  });
  return `{"results":[${results.join(",")}]}`;
}

/** `event`: the event as it came. */
function outcomeJson(
  outcome: Exclude<PublishEventOutcome, { readonly kind: "failed" }>,
  event: string,
): string {
  const id = JSON.stringify(outcome.id);
  if (outcome.kind === "returned")
    return `{"id":${id},"routed":0,"returned":true,"event":${event}}`;
  const duplicate = outcome.duplicate ? `,"duplicate":true` : "";
  return `{"id":${id},"routed":${outcome.routed}${duplicate}}`;
}
