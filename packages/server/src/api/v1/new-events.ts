import { type NewEvent, SwitchyardError } from "@switchyard/core";
import {
  cutJsonText,
  isJsonObject,
  type JsonObject,
  type JsonText,
  parseJsonText,
  sliceMembers,
  type SliceTree,
} from "@switchyard/protocol";
import { z } from "zod";
import { decodeBase64 } from "../base64.ts";
import {
  headers as headersSchema,
  isExact,
  isStorable,
  latestMs,
  longestMs,
  longestName,
  milliseconds,
  routingKey,
  unstorable,
} from "./members.ts";
import { parseBody, unknownMember } from "./read-members.ts";

export const mostEvents = 10_000;

/** What the document says of an event. Read by hand below, because a schema takes longer than all the rest of a publish. */
export const eventSchema = z.strictObject({
  key: routingKey.default("").describe("Routing key."),
  headers: headersSchema.default({}),
  body: z
    .unknown()
    .optional()
    .describe("Any JSON, handed on as it is spelt. Either this or `b64body` is required."),
  b64body: z.base64().optional().describe("Bytes in base64, in place of `body`."),
  content_type: z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/)
    .optional()
    .describe("Of `b64body`. Default: application/octet-stream."),
  id: z
    .string()
    .min(1)
    .max(longestName)
    .refine(isStorable, { error: `must not hold ${unstorable}` })
    .optional()
    .describe("Published once per exchange and API key, however often it comes within 2 minutes."),
  mandatory: z
    .boolean()
    .default(false)
    .describe("An event that no queue and no channel takes comes back."),
  delay_ms: milliseconds(0).optional().describe("Time until it enters its queues."),
  deliver_at: z
    .int()
    .min(0)
    .max(latestMs)
    .optional()
    .describe("Unix milliseconds; not with `delay_ms`."),
  priority: z.int().min(0).max(9).default(0).describe("9 is the most urgent."),
  ttl_ms: milliseconds(0).optional().describe("The event expires when it waits longer."),
});

const eventMembers: ReadonlySet<string> = new Set(Object.keys(eventSchema.shape));
const visibleAscii = /^[\x20-\x7e]{1,255}$/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One event of a request, with its place in the text, so that it can be sent back as it came. */
export interface GivenEvent {
  readonly event: NewEvent | SwitchyardError;
  readonly start: number;
  readonly end: number;
}

export interface GivenEvents {
  /** `{"events":[…]}`: answered as a list. */
  readonly isBatch: boolean;
  readonly events: readonly GivenEvent[];
  readonly text: string;
}

/**
 * Reads `{"key","headers","body",…}` or `{"events":[…]}`. Throws `badRequest` for what spoils the whole request; an
 * event of a batch that cannot be right is an error in its own place. Costs one JSON.parse and one pass over the text.
 */
export function readEvents(text: string, exchange: string): GivenEvents {
  const parsed = parseBody(text);
  if (!isJsonObject(parsed))
    throw new SwitchyardError("badRequest", { detail: "the body must be one JSON object" });
  if (!Object.hasOwn(parsed, "events")) {
    const event = readEvent(parsed, sliceMembers(text), { text, exchange });
    if (event instanceof SwitchyardError) throw event;
    return { isBatch: false, events: [{ event, start: 0, end: text.length }], text };
  }
  for (const name of Object.keys(parsed))
    if (name !== "events") throw unknownMember(name, ["events"]);
  const values = parsed["events"];
  if (!Array.isArray(values) || values.length === 0 || values.length > mostEvents)
    throw wrong("events", `a list of 1 to ${mostEvents} events`);
  const slices = sliceMembers(text, 0, 2).get("events")?.elements ?? [];
  const events = slices.map(({ start, end, members }, index): GivenEvent => {
    const value: unknown = values[index];
    const event =
      isJsonObject(value) && members
        ? readEvent(value, members, { text, exchange })
        : new SwitchyardError("badRequest", { detail: "an event must be a JSON object" });
    return { event, start, end };
  });
  return { isBatch: true, events, text };
}

interface Origin {
  readonly text: string;
  readonly exchange: string;
}

/** The first thing wrong with it is returned, not thrown: in a batch the others go on. */
function readEvent(
  given: JsonObject,
  slices: ReadonlyMap<string, SliceTree>,
  { text, exchange }: Origin,
): NewEvent | SwitchyardError {
  for (const name of Object.keys(given))
    if (!eventMembers.has(name)) return unknownMember(name, eventMembers);
  const { key = "", headers = noHeaders, id, mandatory = false, priority = 0 } = given;
  const { delay_ms: delayMs, deliver_at: deliverAt, ttl_ms: ttlMs } = given;
  if (!isText(key, 0))
    return wrong("key", `a text of at most ${longestName} characters without ${unstorable}`);
  if (!isHeaders(headers)) return wrongHeader(headers);
  if (id !== undefined && !isText(id, 1))
    return wrong("id", `a text of 1 to ${longestName} characters without ${unstorable}`);
  if (typeof mandatory !== "boolean") return wrong("mandatory", "true or false");
  if (!isInteger(priority, 9)) return wrong("priority", "an integer from 0 to 9");
  if (!isOptionalInteger(delayMs, longestMs))
    return wrong("delay_ms", `an integer from 0 to ${longestMs}`);
  if (!isOptionalInteger(deliverAt, latestMs))
    return wrong("deliver_at", `Unix milliseconds, an integer from 0 to ${latestMs}`);
  if (delayMs !== undefined && deliverAt !== undefined)
    return invalid("deliver_at", "deliver_at cannot be together with delay_ms");
  if (!isOptionalInteger(ttlMs, longestMs))
    return wrong("ttl_ms", `an integer from 0 to ${longestMs}`);
  const content = readContent(given, slices.get("body"), text);
  if (content instanceof SwitchyardError) return content;
  const { body, contentType } = content;
  return {
    exchange,
    key,
    headers,
    body,
    contentType,
    id,
    mandatory,
    delayMs,
    deliverAt,
    priority,
    ttlMs,
  };
}

const noHeaders: NewEvent["headers"] = {};

type Content = Pick<NewEvent, "body" | "contentType">;

function readContent(
  given: JsonObject,
  slice: SliceTree | undefined,
  text: string,
): Content | SwitchyardError {
  const { b64body, content_type: contentType } = given;
  if (
    contentType !== undefined &&
    !(typeof contentType === "string" && visibleAscii.test(contentType))
  )
    return wrong("content_type", "1 to 255 printable ASCII characters");
  if (slice !== undefined) {
    if (b64body !== undefined) return invalid("b64body", "b64body cannot be together with body");
    if (contentType !== undefined && !isJsonType(contentType))
      return invalid("content_type", "content_type goes with b64body: body is application/json");
    return { body: cutJsonText(text, slice.start, slice.end), contentType: undefined };
  }
  if (b64body === undefined) return invalid("body", "body is missing");
  const bytes = typeof b64body === "string" ? decodeBase64(b64body) : undefined;
  if (bytes === undefined) return wrong("b64body", "base64 in the standard alphabet with padding");
  if (!isJsonType(contentType)) return { body: bytes, contentType };
  const json = jsonOf(bytes);
  if (json === undefined) return wrong("b64body", "JSON, as content_type says");
  return { body: json, contentType: undefined };
}

/** What has this type is handed on as JSON, so it must be JSON. */
function isJsonType(contentType: string | undefined): boolean {
  const [type = ""] = contentType?.split(";", 1) ?? [];
  return type.trim().toLowerCase() === "application/json";
}

function jsonOf(bytes: Uint8Array): JsonText | undefined {
  try {
    return parseJsonText(strictUtf8.decode(bytes));
  } catch {
    return undefined; // not UTF-8
  }
}

function isText(value: unknown, shortest: number): value is string {
  return (
    typeof value === "string" &&
    value.length >= shortest &&
    value.length <= longestName &&
    isStorable(value)
  );
}

function isInteger(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max;
}

function isOptionalInteger(value: unknown, max: number): value is number | undefined {
  return value === undefined || isInteger(value, max);
}

function isHeaders(value: unknown): value is NewEvent["headers"] {
  if (!isJsonObject(value)) return false;
  for (const name of Object.keys(value))
    if (!isStorable(name) || !isHeaderValue(value[name])) return false;
  return true;
}

function isHeaderValue(value: unknown): value is string | number | boolean {
  if (typeof value === "string") return isStorable(value);
  return typeof value === "number" ? isExact(value) : typeof value === "boolean";
}

function wrongHeader(headers: unknown): SwitchyardError {
  if (!isJsonObject(headers)) return wrong("headers", "an object");
  const [name = ""] =
    Object.entries(headers).find(([name, value]) => !isStorable(name) || !isHeaderValue(value)) ??
    [];
  return wrong(
    `headers.${name.toWellFormed()}`,
    "a string, a boolean, or a number of at most 2^53 − 1 (longer ones as strings)",
  );
}

function wrong(field: string, expected: string): SwitchyardError {
  return invalid(field, `${field} must be ${expected}`);
}

function invalid(field: string, detail: string): SwitchyardError {
  return new SwitchyardError("badRequest", { field, detail });
}
