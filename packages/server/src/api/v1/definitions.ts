import type { BindingDefinition, ExchangeDefinition, QueueDefinition } from "@switchyard/core";
import { z } from "zod";
import {
  exchangeNamed,
  headers,
  milliseconds,
  name,
  routingKey,
  shownExchange,
} from "./members.ts";

/** The largest count and size of a queue. */
const most = Number.MAX_SAFE_INTEGER;

const exchangeMembers = {
  type: z
    .string()
    .min(1)
    .max(64)
    .describe("`fanout`, `direct`, `topic`, `headers`, or another registered type."),
  alternate_exchange: name.optional().describe("Takes what no binding matches."),
};

const queueMembers = {
  durable: z
    .boolean()
    .default(true)
    .describe("false: its messages survive a planned restart, not a crash of PostgreSQL."),
  auto_delete: z.boolean().default(false).describe("Deleted when its last consumer has gone."),
  expires_ms: milliseconds(1)
    .optional()
    .describe("Deleted after this long without a consumer, a pull or a declaration."),
  ttl_ms: milliseconds(0).optional().describe("Messages that wait longer expire."),
  max_length: z.int().min(0).max(most).optional().describe("Ready messages."),
  max_bytes: z.int().min(0).max(most).optional().describe("Of ready messages' bodies."),
  overflow: z
    .enum(["drop-head", "reject-publish", "dead-letter"])
    .default("drop-head")
    .describe("What happens when the queue is full."),
  dead_letter_exchange: name
    .optional()
    .describe(
      "Where dead letters go. Default: rejected ones into the queue `switchyard.dead-letters`.",
    ),
  dead_letter_key: routingKey.optional().describe("Default: the event's own key."),
  max_attempts: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Deliveries that may fail before the message is a dead letter."),
  retry: z
    .strictObject({
      initial_ms: milliseconds(1),
      maximum_ms: milliseconds(1),
      jitter: z.number().min(0).max(1).default(0),
    })
    .refine((retry) => retry.maximum_ms >= retry.initial_ms, {
      path: ["maximum_ms"],
      error: "must be at least initial_ms",
    })
    .optional()
    .describe("Delay of a message that was nacked: doubled with each attempt, up to the maximum."),
  single_active_consumer: z
    .boolean()
    .default(false)
    .describe("One consumer at a time gets deliveries; the others wait for its end."),
};

export const exchangeBody = z.strictObject(exchangeMembers);
export const queueBody = z.strictObject(queueMembers);
export const namedExchange = z.strictObject({ name, ...exchangeMembers });
export const namedQueue = z.strictObject({ name, ...queueMembers });

export const bindingBody = z.strictObject({
  exchange: name,
  key: routingKey.default(""),
  match: z
    .strictObject({ mode: z.enum(["all", "any"]).default("all"), headers })
    .optional()
    .describe("For `headers` exchanges."),
  destination: z.strictObject({
    type: z.enum(["queue", "channel", "exchange"]),
    name: name.describe("A channel's may hold `{key}`, `{key.1}` and `{headers.x}`."),
  }),
  durable: z
    .boolean()
    .default(true)
    .describe("Channels: at least once, or (false) lowest latency and at most once."),
});

export const topologyBody = z.strictObject({
  exchanges: z.array(namedExchange).max(100_000).default([]),
  queues: z.array(namedQueue).max(100_000).default([]),
  bindings: z.array(bindingBody).max(1_000_000).default([]),
});

export function exchangeDefinition(
  name: string,
  body: z.output<typeof exchangeBody>,
): ExchangeDefinition {
  return { name, type: body.type, alternateExchange: exchangeOrNone(body.alternate_exchange) };
}

export function queueDefinition(name: string, body: z.output<typeof queueBody>): QueueDefinition {
  return {
    name,
    durable: body.durable,
    exclusiveTo: undefined,
    autoDelete: body.auto_delete,
    expiresMs: body.expires_ms,
    ttlMs: body.ttl_ms,
    maxLength: body.max_length,
    maxBytes: body.max_bytes,
    overflow: body.overflow,
    deadLetterExchange: exchangeOrNone(body.dead_letter_exchange),
    deadLetterKey: body.dead_letter_key,
    maxAttempts: body.max_attempts,
    retry: body.retry && {
      initialMs: body.retry.initial_ms,
      maximumMs: body.retry.maximum_ms,
      jitter: body.retry.jitter,
    },
    singleActiveConsumer: body.single_active_consumer,
  };
}

export function bindingDefinition(body: z.output<typeof bindingBody>): BindingDefinition {
  const { type, name } = body.destination;
  return {
    exchange: exchangeNamed(body.exchange),
    key: body.key,
    match: body.match,
    destination: { type, name: type === "exchange" ? exchangeNamed(name) : name },
    durable: body.durable,
  };
}

export function exchangeJson({
  name,
  type,
  alternateExchange,
}: ExchangeDefinition): z.input<typeof namedExchange> {
  return { name: shownExchange(name), type, ...alternateMember(alternateExchange) };
}

/** Members that are not set are left out. */
export function queueJson(queue: QueueDefinition): z.input<typeof namedQueue> {
  const { expiresMs, ttlMs, maxLength, maxBytes, deadLetterExchange, deadLetterKey } = queue;
  const { maxAttempts, retry } = queue;
  return {
    name: queue.name,
    durable: queue.durable,
    auto_delete: queue.autoDelete,
    ...(expiresMs !== undefined && { expires_ms: expiresMs }),
    ...(ttlMs !== undefined && { ttl_ms: ttlMs }),
    ...(maxLength !== undefined && { max_length: maxLength }),
    ...(maxBytes !== undefined && { max_bytes: maxBytes }),
    overflow: queue.overflow,
    ...(deadLetterExchange !== undefined && {
      dead_letter_exchange: shownExchange(deadLetterExchange),
    }),
    ...(deadLetterKey !== undefined && { dead_letter_key: deadLetterKey }),
    ...(maxAttempts !== undefined && { max_attempts: maxAttempts }),
    ...(retry && {
      retry: {
        initial_ms: retry.initialMs,
        maximum_ms: retry.maximumMs,
        jitter: retry.jitter,
      },
    }),
    single_active_consumer: queue.singleActiveConsumer,
  };
}

export function bindingJson(binding: BindingDefinition): z.input<typeof bindingBody> {
  const { exchange, key, match, destination, durable } = binding;
  const { type, name } = destination;
  return {
    exchange: shownExchange(exchange),
    key,
    ...(match && { match: { mode: match.mode, headers: { ...match.headers } } }),
    destination: { type, name: type === "exchange" ? shownExchange(name) : name },
    durable,
  };
}

function exchangeOrNone(given: string | undefined): string | undefined {
  return given === undefined ? undefined : exchangeNamed(given);
}

function alternateMember(name: string | undefined): { alternate_exchange?: string } {
  return name === undefined ? {} : { alternate_exchange: shownExchange(name) };
}
