import { describe, expect, test } from "bun:test";
import { createApiKeyCheck } from "./api-key-check.ts";

const check = createApiKeyCheck([
  ["right", "first holder"],
  ["second", "second holder"],
  ["right", "never found"],
]);

test("the holder of the key", () => {
  const holderOf = (key: string): string | undefined =>
    check(new Headers({ "X-API-Key": key }), new URLSearchParams());
  expect(["right", "second", "wrong"].map(holderOf)).toEqual([
    "first holder",
    "second holder",
    undefined,
  ]);
});

test.each([
  ["X-API-Key", { "X-API-Key": "right" }, "", true],
  ["any of the keys", { "X-API-Key": "second" }, "", true],
  ["a wrong X-API-Key", { "X-API-Key": "wrong" }, "", false],
  ["Authorization", { Authorization: "apikey right" }, "", true],
  ["its scheme in any case", { Authorization: "ApiKey right" }, "", true],
  ["its words any white space apart", { Authorization: "apikey \t right" }, "", true],
  ["one word", { Authorization: "right" }, "", false],
  ["three words", { Authorization: "apikey right right" }, "", false],
  ["another scheme", { Authorization: "Bearer right" }, "", false],
  ["the query", {}, "api_key=right", true],
  ["a wrong query", {}, "api_key=wrong", false],
  ["an empty query", {}, "api_key=", false],
  ["nothing", {}, "", false],
  [
    "an empty X-API-Key before a right Authorization",
    { "X-API-Key": "", Authorization: "apikey right" },
    "",
    true,
  ],
  [
    "a wrong X-API-Key before a right Authorization",
    { "X-API-Key": "wrong", Authorization: "apikey right" },
    "",
    false,
  ],
  ["a wrong X-API-Key before a right query", { "X-API-Key": "wrong" }, "api_key=right", true],
  [
    "a wrong Authorization before a right query",
    { Authorization: "apikey wrong" },
    "api_key=right",
    true,
  ],
  ["a longer key", { "X-API-Key": "right-and-more" }, "", false],
] satisfies [string, Record<string, string>, string, boolean][])(
  "%s",
  (_, headers, query, opens) => {
    const holder = check(new Headers(headers), new URLSearchParams(query));
    expect(holder !== undefined).toBe(opens);
  },
);

describe("without keys", () => {
  test.each([[[]], [[""]]])("%p opens nothing", (keys) => {
    const closed = createApiKeyCheck(keys.map((key): [string, true] => [key, true]));
    expect(closed(new Headers({ "X-API-Key": "" }), new URLSearchParams())).toBeUndefined();
    expect(
      closed(new Headers({ "X-API-Key": "x" }), new URLSearchParams("api_key=")),
    ).toBeUndefined();
  });
});
