import { SwitchyardError } from "@switchyard/core";

/** What a key may do. All but `api` and `operator` can be restricted to exchanges and queues by name. */
export const apiScopes = [
  "api",
  "publish",
  "consume",
  "topology",
  "read",
  "dead-letters",
  "operator",
] as const;

export type ApiScope = (typeof apiScopes)[number];

/** One scope of a key, as it is configured: `publish`, or `publish:orders.*`. */
export interface ApiGrant {
  readonly scope: ApiScope;
  /** Names of exchanges and queues, `*` for any text; undefined: all. */
  readonly names: string | undefined;
}

/** Who uses the API. */
export interface ApiKey {
  /** "" for keys without a name (`api.key`), which may do everything. */
  readonly name: string;
  readonly grants: readonly ApiGrant[];
}

/** Behind the keys of `api.key`, and behind every request where no key is asked for. */
export const unrestrictedKey: ApiKey = {
  name: "",
  grants: apiScopes.map((scope) => ({ scope, names: undefined })),
};

/** Who publishes with `key`, for the memory of given ids. Its colon keeps it apart from the ids of users. */
export function publisherName({ name }: ApiKey): string {
  return `key:${name}`;
}

const scopesWithNames: ReadonlySet<ApiScope> = new Set([
  "publish",
  "consume",
  "topology",
  "read",
  "dead-letters",
]);
const namePattern = /^[^\s,]{1,255}$/;

/** Reads `publish` or `publish:orders.*`; undefined for what is no scope. */
export function parseApiGrant(text: string): ApiGrant | undefined {
  const colon = text.indexOf(":");
  const word = colon === -1 ? text : text.slice(0, colon);
  const scope = apiScopes.find((known) => known === word);
  if (scope === undefined) return undefined;
  if (colon === -1) return { scope, names: undefined };
  const names = text.slice(colon + 1);
  return scopesWithNames.has(scope) && namePattern.test(names) ? { scope, names } : undefined;
}

/** As `parseApiGrant` reads it back. */
export function showApiGrant({ scope, names }: ApiGrant): string {
  return names === undefined ? scope : `${scope}:${names}`;
}

/** Whether `key` has `scope` at all, if only for some names. */
export function hasScope(key: ApiKey, scope: ApiScope): boolean {
  return key.grants.some((grant) => grant.scope === scope);
}

/** Whether `key` has `scope` for the exchange or queue `name` (the default exchange: `amq.default`). */
export function hasScopeFor(key: ApiKey, scope: ApiScope, name: string): boolean {
  return key.grants.some(
    (grant) =>
      grant.scope === scope && (grant.names === undefined || matchesGlob(grant.names, name)),
  );
}

/** Throws `permissionDenied`, naming the scope, unless `key` has `scope` for all of `names`. */
export function requireScope(key: ApiKey, scope: ApiScope, names: readonly string[] = []): void {
  if (!hasScope(key, scope))
    throw new SwitchyardError("permissionDenied", {
      detail: `permission denied: the API key "${key.name}" lacks the scope ${scope}`,
    });
  for (const name of names) {
    if (hasScopeFor(key, scope, name)) continue;
    throw new SwitchyardError("permissionDenied", {
      detail: `permission denied: the API key "${key.name}" lacks the scope ${scope} for "${name}"`,
    });
  }
}

/** `*` stands for any text, also none. Takes time in proportion to both lengths, whatever the pattern. */
export function matchesGlob(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  // Between the fixed ends the earliest place of each part leaves most room for the others.
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return at <= end;
}
