import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
} from "../ports/topology-store.ts";

/** The names of all members of two exchanges, or of two queues, that differ, sorted; none: both are the same. */
export function differingMembers(a: ExchangeDefinition, b: ExchangeDefinition): readonly string[];
export function differingMembers(a: QueueDefinition, b: QueueDefinition): readonly string[];
export function differingMembers(a: object, b: object): readonly string[] {
  const left = new Map<string, unknown>(Object.entries(a));
  const right = new Map<string, unknown>(Object.entries(b));
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((member) => !isSame(left.get(member), right.get(member)))
    .toSorted();
}

/** Values, and objects of values. A member that is missing is as one that is undefined. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const left = new Map<string, unknown>(Object.entries(a));
  const right = new Map<string, unknown>(Object.entries(b));
  return [...left.keys(), ...right.keys()].every((member) =>
    isSame(left.get(member), right.get(member)),
  );
}

/**
 * The same text for two bindings exactly when they are the same: exchange, destination, key and match, whatever the order
 * of the headers. `durable` does not count. JSON, so that it is well-formed and has no control characters.
 */
export function bindingKey({ exchange, destination, key, match }: BindingDefinition): string {
  const headers = match && Object.entries(match.headers).toSorted(byName);
  return JSON.stringify([
    exchange,
    destination.type,
    destination.name,
    key,
    ...(match ? [match.mode, headers] : []),
  ]);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
