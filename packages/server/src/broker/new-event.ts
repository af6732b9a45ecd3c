import { type NewEvent, SwitchyardError } from "@switchyard/core";
import {
  cutJsonText,
  isJsonObject,
  type JsonText,
  parseJsonText,
  type SliceTree,
} from "@switchyard/protocol";
import { decodeBase64 } from "../api/base64.ts";
import {
  exchangeNamed,
  isExact,
  isStorable,
  latestMs,
  longestMs,
  longestName,
  unstorable,
} from "../api/v1/members.ts";

type Headers = NewEvent["headers"];
type Content = Pick<NewEvent, "body" | "contentType">;

const visibleAscii = /^[\x20-\x7e]{1,255}$/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads an event from the members of an object in `text`, as `sliceMembers` gives them: `{"exchange", "key",
 * "headers", "body" | "b64body", "content_type", "id", "mandatory", "delay_ms" | "deliver_at", "priority", "ttl_ms"}`.
 * The body stays the text that came in.
 *
 * Throws `badRequest` that names the member. Members are read one by one without a schema, and the body is never parsed:
 * this is done for every event that is published, tens of thousands a second.
 */
export function readNewEvent(text: string, members: ReadonlyMap<string, SliceTree>): NewEvent {
  const event = new EventReader(text, members);
  event.refuseUnknown();
  const delayMs = event.integer("delay_ms", 0, longestMs);
  const deliverAt = event.integer("deliver_at", 0, latestMs);
  if (delayMs !== undefined && deliverAt !== undefined)
    throw wrong("deliver_at", "left out where there is delay_ms");
  return {
    exchange: exchangeNamed(event.required("exchange")),
    key: event.string("key", 0) ?? "",
    headers: event.headers(),
    ...event.content(),
    id: event.string("id", 1),
    mandatory: event.boolean("mandatory"),
    delayMs,
    deliverAt,
    priority: event.integer("priority", 0, 9) ?? 0,
    ttlMs: event.integer("ttl_ms", 0, longestMs),
  };
}

const known = new Set([
  "exchange",
  "key",
  "headers",
  "body",
  "b64body",
  "content_type",
  "id",
  "mandatory",
  "delay_ms",
  "deliver_at",
  "priority",
  "ttl_ms",
]);
const noHeaders: Headers = {};

/** Members of one event by name and type; null counts as missing, except as the body. */
class EventReader {
  readonly #document: string;
  readonly #members: ReadonlyMap<string, SliceTree>;

  constructor(document: string, members: ReadonlyMap<string, SliceTree>) {
    this.#document = document;
    this.#members = members;
  }

  refuseUnknown(): void {
    for (const name of this.#members.keys()) {
      if (known.has(name)) continue;
      const shown = name.slice(0, 64);
      throw new SwitchyardError("badRequest", {
        detail: `unknown member ${shown}`,
        field: shown,
      });
    }
  }

  /** Of `least` to 255 characters. */
  string(name: string, least: number): string | undefined {
    const value = this.#text(name);
    if (value === undefined || (value.length >= least && isShortText(value))) return value;
    throw wrong(name, `a text of ${least} to ${longestName} characters without ${unstorable}`);
  }

  required(name: string): string {
    const value = this.string(name, 0);
    if (value === undefined) throw wrong(name, `a text of up to ${longestName} characters`);
    return value;
  }

  boolean(name: string): boolean {
    const raw = this.#raw(name) ?? "false";
    if (raw !== "true" && raw !== "false") throw wrong(name, "true or false");
    return raw === "true";
  }

  integer(name: string, least: number, most: number): number | undefined {
    const raw = this.#raw(name);
    if (raw === undefined) return undefined;
    const value = raw.startsWith('"') ? Number.NaN : Number(raw);
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw wrong(name, `an integer from ${least} to ${most}`);
  }

  headers(): Headers {
    const raw = this.#raw("headers");
    if (raw === undefined || raw === "{}") return noHeaders;
    const value: unknown = JSON.parse(raw);
    if (!isHeaders(value))
      throw wrong("headers", "an object of strings, booleans and numbers of at most 2^53 − 1");
    return value;
  }

  content(): Content {
    const slice = this.#members.get("body");
    const base64 = this.#text("b64body");
    const contentType = this.string("content_type", 1);
    if (contentType !== undefined && !visibleAscii.test(contentType))
      throw wrong("content_type", "printable ASCII");
    if (base64 === undefined) {
      if (slice === undefined) throw wrong("body", "there, or b64body");
      if (contentType !== undefined && !isJsonType(contentType))
        throw wrong("content_type", "application/json for body, another one goes with b64body");
      return { body: cutJsonText(this.#document, slice.start, slice.end), contentType: undefined };
    }
    if (slice !== undefined) throw wrong("b64body", "left out where there is body");
    const bytes = decodeBase64(base64);
    if (bytes === undefined) throw wrong("b64body", "base64 in the standard alphabet with padding");
    if (!isJsonType(contentType)) return { body: bytes, contentType };
    const json = jsonOf(bytes);
    if (json === undefined) throw wrong("b64body", "JSON, as content_type says");
    return { body: json, contentType: undefined };
  }

  /** Of any length. */
  #text(name: string): string | undefined {
    const raw = this.#raw(name);
    if (raw === undefined) return undefined;
    if (!raw.startsWith('"')) throw wrong(name, "a text");
    // JSON.parse of a quoted literal is a string.
    return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }

  #raw(name: string): JsonText | undefined {
    const slice = this.#members.get(name);
    if (slice === undefined) return undefined;
    const raw = cutJsonText(this.#document, slice.start, slice.end);
    return raw === "null" ? undefined : raw;
  }
}

function isShortText(value: string): boolean {
  return value.length <= longestName && isStorable(value);
}

function isHeaders(value: unknown): value is Headers {
  if (!isJsonObject(value)) return false;
  for (const name of Object.keys(value))
    if (!isStorable(name) || !isHeaderValue(value[name])) return false;
  return true;
}

function isHeaderValue(value: unknown): boolean {
  if (typeof value === "string") return isStorable(value);
  return typeof value === "number" ? isExact(value) : typeof value === "boolean";
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

function wrong(field: string, expected: string): SwitchyardError {
  return new SwitchyardError("badRequest", { detail: `${field} must be ${expected}`, field });
}
