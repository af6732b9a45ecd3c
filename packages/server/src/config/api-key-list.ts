import {
  type ApiGrant,
  type ApiKey,
  apiScopes,
  parseApiGrant,
  showApiGrant,
} from "../auth/api-key.ts";
import { nearestName } from "./nearest-name.ts";
import { isMapping } from "./namespace-list.ts";
import type { Fault, OptionType, Parsed } from "./option.ts";

/** A key of `api.keys`. */
export interface NamedApiKey extends ApiKey {
  readonly key: string;
}

const members = ["name", "key", "scopes"] as const;
const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const scopesExpected = `one of ${apiScopes.join(", ")}; all but api and operator may end in a name with * for any text, such as publish:orders.*`;

/** `api.keys`: a list of mappings; as text, the same in JSON. All faults of all keys are told, none with the key itself. */
export function apiKeyList(): OptionType<readonly NamedApiKey[]> {
  return {
    name: "list of API keys",
    parse: parseKeys,
    // Shown only where it is empty: the option is a secret.
    show: (keys) => JSON.stringify(keys.map(shownKey)),
  };
}

function shownKey({ name, grants }: NamedApiKey): unknown {
  return { name, scopes: grants.map(showApiGrant) };
}

function parseKeys(raw: unknown): Parsed<readonly NamedApiKey[]> {
  const list = typeof raw === "string" ? parseJson(raw) : raw;
  if (!Array.isArray(list)) {
    const expected = "a list of keys, each with `name`, `key` and `scopes`";
    return { ok: false, faults: [fault("", "invalid-value", expected)] };
  }
  const faults: Fault[] = [];
  const names = new Set<string>();
  const texts = new Set<string>();
  const keys: NamedApiKey[] = [];
  for (const [index, item] of list.entries()) {
    const at = `[${index}]`;
    const key = parseKey(item, at, faults);
    if (key === undefined) continue;
    if (names.has(key.name)) faults.push(fault(`${at}.name`, "duplicate", "every name once"));
    if (texts.has(key.key)) faults.push(fault(`${at}.key`, "duplicate", "every key once"));
    names.add(key.name);
    texts.add(key.key);
    keys.push(key);
  }
  return faults.length === 0 ? { ok: true, value: keys } : { ok: false, faults, partial: keys };
}

/** undefined when something is wrong with it, which is told in `faults`. */
function parseKey(item: unknown, at: string, faults: Fault[]): NamedApiKey | undefined {
  if (!isMapping(item)) {
    faults.push(fault(at, "invalid-value", "a mapping with `name`, `key` and `scopes`"));
    return undefined;
  }
  const before = faults.length;
  for (const name of Object.keys(item)) {
    if (members.some((known) => known === name)) continue;
    const unknown = fault(`${at}.${name}`, "unknown-key", "`name`, `key` or `scopes`");
    faults.push({ ...unknown, nearest: nearestName(name, members) });
  }
  const { name, key, scopes } = item;
  const nameIsRight = typeof name === "string" && namePattern.test(name);
  if (!nameIsRight)
    faults.push(wrong(`${at}.name`, name, "1 to 64 letters, digits, `_`, `.`, `-`"));
  const keyIsRight = typeof key === "string" && key !== "";
  if (!keyIsRight) faults.push(wrong(`${at}.key`, key, "a text (numbers in quotes)"));
  const grants = parseScopes(scopes, `${at}.scopes`, faults);
  return nameIsRight && keyIsRight && faults.length === before ? { name, key, grants } : undefined;
}

function parseScopes(raw: unknown, at: string, faults: Fault[]): ApiGrant[] {
  if (!Array.isArray(raw) || raw.length === 0) {
    faults.push(wrong(at, raw, `a list with at least ${scopesExpected}`));
    return [];
  }
  const grants: ApiGrant[] = [];
  for (const [index, item] of raw.entries()) {
    const grant = typeof item === "string" ? parseApiGrant(item) : undefined;
    if (grant !== undefined) {
      grants.push(grant);
      continue;
    }
    const nearest = typeof item === "string" ? nearestName(item, apiScopes) : undefined;
    faults.push({ ...fault(`${at}[${index}]`, "invalid-value", scopesExpected), nearest });
  }
  return grants;
}

function wrong(at: string, given: unknown, expected: string): Fault {
  return fault(at, given === undefined || given === null ? "missing" : "invalid-value", expected);
}

/** What was given is never told: a key may have slipped into the wrong place. */
function fault(at: string, code: Fault["code"], expected: string): Fault {
  return { at, code, given: undefined, expected };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
