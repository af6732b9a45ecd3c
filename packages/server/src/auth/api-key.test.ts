import { describe, expect, test } from "bun:test";
import {
  type ApiKey,
  apiScopes,
  hasScope,
  hasScopeFor,
  matchesGlob,
  parseApiGrant,
  requireScope,
  showApiGrant,
  unrestrictedKey,
} from "./api-key.ts";

function keyWith(...scopes: string[]): ApiKey {
  const grants = scopes.map((text) => parseApiGrant(text)).filter((grant) => grant !== undefined);
  return { name: "shop", grants };
}

function refusalOf(run: () => void): string {
  try {
    run();
    return "allowed";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

describe("scopes as text", () => {
  test.each([
    "publish",
    "publish:orders.*",
    "consume:a:b",
    "dead-letters:*",
    "read:x",
    "topology:*.eu",
    "api",
    "operator",
  ])("%s is read and shown again", (text) => {
    const grant = parseApiGrant(text);
    expect(grant && showApiGrant(grant)).toBe(text);
  });

  test.each(["", "publisher", "Publish", "publish:", "api:x", "operator:*", ":x", "read:a b"])(
    "%p is none",
    (text) => expect(parseApiGrant(text)).toBeUndefined(),
  );
});

test("an unrestricted key has every scope for every name", () => {
  for (const scope of apiScopes) expect(hasScopeFor(unrestrictedKey, scope, "any")).toBe(true);
});

test("a restricted key has its scopes for its names alone", () => {
  const key = keyWith("publish:orders.*", "publish:returns", "read");
  expect(hasScope(key, "publish")).toBe(true);
  expect(hasScope(key, "consume")).toBe(false);
  const mayPublish = ["orders.new", "orders.", "returns", "orders", "returns2", "x.orders.y"].map(
    (name) => hasScopeFor(key, "publish", name),
  );
  expect(mayPublish).toEqual([true, true, true, false, false, false]);
  expect(hasScopeFor(key, "read", "anything")).toBe(true);
});

test("what is missing is named", () => {
  const key = keyWith("publish:orders.*", "read");
  expect(refusalOf(() => requireScope(key, "publish", ["orders.a"]))).toBe("allowed");
  expect(refusalOf(() => requireScope(key, "consume"))).toBe(
    'permission denied: the API key "shop" lacks the scope consume',
  );
  expect(refusalOf(() => requireScope(key, "publish", ["orders.a", "other"]))).toBe(
    'permission denied: the API key "shop" lacks the scope publish for "other"',
  );
});

test.each([
  ["a", "a", true],
  ["a", "ab", false],
  ["*", "", true],
  ["*", "any.thing", true],
  ["a*", "a", true],
  ["*a", "ba", true],
  ["a*a", "a", false],
  ["a*a", "aa", true],
  ["a*b*c", "a-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a**c", "ac", true],
  ["*b*", "abc", true],
  ["*b*b", "ab", false],
  ["a.c", "abc", false],
  ["a?", "ab", false],
])("%s matches %s: %p", (pattern, name, matches) => {
  expect(matchesGlob(pattern, name)).toBe(matches);
});
