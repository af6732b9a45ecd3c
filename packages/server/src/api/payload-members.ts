import { SwitchyardError } from "@switchyard/core";
import { type JsonText, parseJsonText, type Payload } from "@switchyard/protocol";
import { decodeBase64 } from "./base64.ts";
import type { RequestFields } from "./request-fields.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A payload as a request gives it: JSON, or base64 that has not been decoded yet. Non-empty base64 beats JSON. */
export interface GivenPayload {
  readonly json: JsonText | undefined;
  /** undefined when not given. */
  readonly base64: string | undefined;
  /** The name of the base64 member. */
  readonly field: string;
}

/** The base64 twin of each payload member. */
const base64Names = { data: "b64data", info: "b64info" } as const;

/** A literal null is the payload `null`. */
export function readPayload(fields: RequestFields, name: keyof typeof base64Names): GivenPayload {
  return given(fields, fields.raw(name), base64Names[name]);
}

/** A literal null is "not given". */
export function readOptionalPayload(
  fields: RequestFields,
  name: keyof typeof base64Names,
): GivenPayload {
  return given(fields, fields.rawUnlessNull(name), base64Names[name]);
}

function given(fields: RequestFields, json: JsonText | undefined, field: string): GivenPayload {
  return { json, base64: fields.has(field) ? fields.string(field) : undefined, field };
}

/**
 * What to publish: JSON wherever the bytes are JSON in UTF-8, so that JSON clients can have it. undefined when nothing
 * was given. `badRequest` for broken base64. Base64 of nothing, without JSON beside it, is the payload of no bytes.
 */
export function publishPayload(given: GivenPayload): Payload | undefined {
  const bytes = bytesOf(given);
  return bytes === undefined ? given.json : (jsonOf(bytes) ?? bytes);
}

/** As `publishPayload` for what goes into a JSON message as it is: bytes that are not JSON are a `badRequest`. */
export function jsonPayload(given: GivenPayload): JsonText | undefined {
  const bytes = bytesOf(given);
  if (bytes === undefined || bytes.length === 0) return given.json;
  const json = jsonOf(bytes);
  if (json === undefined)
    throw new SwitchyardError("badRequest", {
      field: given.field,
      detail: `${given.field} must hold JSON`,
    });
  return json;
}

function bytesOf({ json, base64, field }: GivenPayload): Uint8Array | undefined {
  if (base64 === undefined || (base64 === "" && json !== undefined)) return undefined;
  const bytes = decodeBase64(base64);
  if (bytes === undefined) {
    throw new SwitchyardError("badRequest", {
      field,
      detail: `${field} must be base64 in the standard alphabet with padding`,
    });
  }
  return bytes;
}

function jsonOf(bytes: Uint8Array): JsonText | undefined {
  try {
    return parseJsonText(strictUtf8.decode(bytes));
  } catch {
    return undefined; // not UTF-8
  }
}
