import { type Settlement, SwitchyardError } from "@switchyard/core";
import type { JsonObject } from "@switchyard/protocol";

const mostTags = 5_000;
const longestMs = 315_360_000_000;

export interface SettlementRequest {
  readonly consumer: string;
  readonly tags: readonly number[];
  readonly settlement: Settlement;
}

/**
 * Reads `{"consumer", "tags", "requeue", "delay_ms"}`. A nack puts back unless `requeue` is false; a reject does not
 * unless it is true. Throws `badRequest` that names the member. Without a schema: done for every message or so.
 */
export function readSettlementRequest(
  type: "ack" | "nack" | "reject",
  object: JsonObject,
): SettlementRequest {
  const { consumer, tags } = object;
  if (typeof consumer !== "string") throw wrong("consumer", "a string");
  if (!isTags(tags)) throw wrong("tags", `a list of 1 to ${mostTags} positive integers`);
  return { consumer, tags, settlement: readSettlement(type, object) };
}

function readSettlement(type: "ack" | "nack" | "reject", object: JsonObject): Settlement {
  const requeue = object["requeue"] ?? undefined;
  const delayMs = object["delay_ms"] ?? undefined;
  if (requeue !== undefined && (type === "ack" || typeof requeue !== "boolean"))
    throw wrong("requeue", "true or false, for nack and reject");
  const putsBack = type === "nack" ? requeue !== false : requeue === true;
  if (delayMs === undefined) {
    if (putsBack) return { type: "nack", requeue: true, delayMs: undefined };
  } else if (putsBack && isDelay(delayMs)) return { type: "nack", requeue: true, delayMs };
  else throw wrong("delay_ms", `an integer from 0 to ${longestMs}, for what is put back`);
  return type === "ack" ? { type: "ack" } : { type: "reject" };
}

function isDelay(value: unknown): value is number {
  return (
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= longestMs
  );
}

function isTags(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostTags) return false;
  for (const tag of value) if (!Number.isSafeInteger(tag) || tag < 1) return false;
  return true;
}

function wrong(field: string, expected: string): SwitchyardError {
  return new SwitchyardError("badRequest", { detail: `${field} must be ${expected}`, field });
}
