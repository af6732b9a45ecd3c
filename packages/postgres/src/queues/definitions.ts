import { createHash } from "node:crypto";
import type { BindingDefinition, ExchangeDefinition, QueueDefinition } from "@switchyard/core";

/** Members that JSON leaves out when they are undefined. */
const absentInExchange = { alternateExchange: undefined };
const absentInQueue = {
  exclusiveTo: undefined,
  expiresMs: undefined,
  ttlMs: undefined,
  maxLength: undefined,
  maxBytes: undefined,
  deadLetterExchange: undefined,
  deadLetterKey: undefined,
  maxAttempts: undefined,
  retry: undefined,
};
const absentInBinding = { match: undefined };

export function toExchange(value: object): ExchangeDefinition {
  // Written by JSON.stringify of one; the same of the two below.
  return { ...absentInExchange, ...value } as ExchangeDefinition;
}

export function toQueue(value: object): QueueDefinition {
  return { ...absentInQueue, ...value } as QueueDefinition;
}

export function toBinding(value: object): BindingDefinition {
  return { ...absentInBinding, ...value } as BindingDefinition;
}

/** Names of the members that are not the same in both. */
export function differingMembers(left: object, right: object): readonly string[] {
  const one = new Map<string, unknown>(Object.entries(left));
  const other = new Map<string, unknown>(Object.entries(right));
  return [...new Set([...one.keys(), ...other.keys()])].filter(
    (member) => canonicalJson(one.get(member)) !== canonicalJson(other.get(member)),
  );
}

/** Of what makes two bindings the same: exchange, destination, key and match. Of a length that an index takes. */
export function bindingIdentity({ exchange, destination, key, match }: BindingDefinition): string {
  const same = canonicalJson([exchange, destination.type, destination.name, key, match ?? null]);
  return createHash("sha256").update(same).digest("hex");
}

/** Whatever the order in which members were written. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`);
  return `{${members.join(",")}}`;
}
