import type { BrowsedMessage, Delivery, PulledDelivery } from "@switchyard/core";
import type { JsonText, Payload } from "@switchyard/protocol";
import { z } from "zod";
import { headers } from "./members.ts";

const deaths = z
  .array(
    z.strictObject({
      queue: z.string(),
      reason: z.enum(["rejected", "attempts", "expired", "maxlen"]),
      time: z.number().describe("Unix milliseconds: the last time."),
      count: z.int(),
      exchange: z.string(),
      key: z.string(),
    }),
  )
  .describe("Why and where it was a dead letter, latest first.");

/** The members that every message has. */
const messageMembers = {
  id: z.string(),
  exchange: z.string().describe("The default exchange is empty."),
  key: z.string(),
  headers,
  body: z.unknown().optional().describe("JSON as it was published."),
  b64body: z.base64().optional().describe("Bytes that are not JSON, in place of `body`."),
  content_type: z.string(),
  priority: z.int(),
  published_at: z.number().describe("Unix milliseconds."),
  deaths,
};

export const deliverySchema = z.strictObject({
  receipt: z.string().describe("What settles it, on any node."),
  queue: z.string(),
  ...messageMembers,
  redelivered: z.boolean().describe("It may have been delivered before."),
  attempt: z.int().describe("1 is the first."),
});

export const browsedSchema = z.strictObject({
  seq: z.int().describe("Names it within its queue; changes when it is delayed."),
  state: z.enum(["ready", "unsettled", "delayed"]),
  ...messageMembers,
  attempts: z.int().describe("That have failed."),
  expires_at: z.number().optional().describe("Unix milliseconds."),
  deliver_at: z.number().optional().describe("Unix milliseconds."),
});

export const deliveryExample: z.input<typeof deliverySchema> = {
  receipt: "packing:17:k3v9",
  queue: "packing",
  id: "0d2c6e2e-7d5b-4c3a-9a55-0b0c8a3f6f11",
  exchange: "orders",
  key: "order.created",
  headers: { warehouse: "ams" },
  body: { order: 7 },
  content_type: "application/json",
  redelivered: false,
  attempt: 1,
  published_at: 1_700_000_000_000,
  priority: 0,
  deaths: [],
};

export const browsedExample: z.input<typeof browsedSchema> = {
  seq: 17,
  state: "ready",
  id: "0d2c6e2e-7d5b-4c3a-9a55-0b0c8a3f6f11",
  exchange: "orders",
  key: "order.created",
  headers: { warehouse: "ams" },
  body: { order: 7 },
  content_type: "application/json",
  priority: 0,
  attempts: 1,
  published_at: 1_700_000_000_000,
  deaths: [
    {
      queue: "packing",
      reason: "rejected",
      time: 1_700_000_001_000,
      count: 1,
      exchange: "orders",
      key: "order.created",
    },
  ],
};

/** Joined from text, so that headers and body stay as they are spelt. */
export function pulledJson(delivery: PulledDelivery): string {
  const { receipt, queue, redelivered, attempt } = delivery;
  return `{"receipt":${JSON.stringify(receipt)},"queue":${JSON.stringify(queue)},${commonJson(delivery)},"redelivered":${redelivered},"attempt":${attempt},"deaths":${delivery.deaths ?? "[]"}}`;
}

/** As `pulledJson`. */
export function browsedJson(message: BrowsedMessage): string {
  const { seq, state, attempts, expiresAt, deliverAt } = message;
  const expires = expiresAt === undefined ? "" : `,"expires_at":${expiresAt}`;
  const deliver = deliverAt === undefined ? "" : `,"deliver_at":${deliverAt}`;
  return `{"seq":${seq},"state":"${state}",${commonJson(message)},"attempts":${attempts}${expires}${deliver},"deaths":${JSON.stringify(message.deaths)}}`;
}

type Common = Pick<
  Delivery & BrowsedMessage,
  "id" | "exchange" | "key" | "headers" | "body" | "contentType" | "priority" | "publishedAt"
>;

function commonJson(message: Common): string {
  const { id, exchange, key, headers, body, contentType, priority, publishedAt } = message;
  return `"id":${JSON.stringify(id)},"exchange":${JSON.stringify(exchange)},"key":${JSON.stringify(key)},"headers":${headers},${bodyMember(body)},"content_type":${JSON.stringify(contentType)},"priority":${priority},"published_at":${publishedAt}`;
}

function bodyMember(body: Payload): string {
  return isJson(body) ? `"body":${body}` : `"b64body":"${Buffer.from(body).toString("base64")}"`;
}

function isJson(body: Payload): body is JsonText {
  return typeof body === "string";
}
