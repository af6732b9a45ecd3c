import { describe, expect, test } from "bun:test";
import { apiHarness } from "../harness/api-harness.ts";

const illTyped: [method: string, body: string][] = [
  ...["5", "true", "{}", "[]", "[null]"].map((value): [string, string] => [
    "publish",
    `{"channel":${value},"data":1}`,
  ]),
  ...[
    '"5"',
    "5.0",
    "1e1",
    "-1",
    "-0",
    "9007199254740992",
    "18446744073709551615",
    "true",
    "{}",
  ].map((value): [string, string] => ["publish", `{"channel":"a","data":1,"version":${value}}`]),
  ...['"true"', "1", "0", "{}"].map((value): [string, string] => [
    "publish",
    `{"channel":"a","data":1,"skip_history":${value}}`,
  ]),
  ...['"x"', "[1]", '["a"]', '{"a":1}', '{"a":{}}'].map((value): [string, string] => [
    "publish",
    `{"channel":"a","data":1,"tags":${value}}`,
  ]),
  ["publish", '{"channel":"a","data":1,"delta":"yes"}'],
  ["publish", '{"channel":"a","b64data":5}'],
  ...['"a"', "{}", "[1]", "[[]]"].map((value): [string, string] => [
    "broadcast",
    `{"channels":${value},"data":1}`,
  ]),
  ["subscribe", '{"channel":"a","override":{"presence":1}}'],
  ["subscribe", '{"channel":"a","override":{"presence":{"value":"true"}}}'],
  ["subscribe", '{"channel":"a","override":true}'],
  ["subscribe", '{"channel":"a","recover_since":{"offset":-1}}'],
  ["subscribe", '{"channel":"a","recover_since":5}'],
  ["subscribe", '{"channel":"a","expire_at":1.5}'],
  ["disconnect", '{"disconnect":{"code":4294967296}}'],
  ["disconnect", '{"disconnect":[1]}'],
  ["disconnect", '{"all_users":"true"}'],
  ["history", '{"channel":"a","limit":2147483648}'],
  ["history", '{"channel":"a","limit":-2147483649}'],
  ["history", '{"channel":"a","since":"x"}'],
];

describe("members of the wrong type", () => {
  test.each(illTyped)("%s %s", async (method, body) => {
    const api = apiHarness();
    expect(await api.post(`/api/${method}`, body)).toEqual([400, "Bad Request\n"]);
    expect(api.calls).toEqual([]);
  });

  test("signed integers may be negative, and -0 is 0", async () => {
    const api = apiHarness();
    await api.post("/api/history", '{"channel":"a","limit":-0}');
    await api.post("/api/history", '{"channel":"a","limit":-2147483648}');
    expect(api.calls.map(([, request]) => request)).toEqual([
      { channel: "a", limit: 0, since: undefined, reverse: false },
      { channel: "a", limit: -2_147_483_648, since: undefined, reverse: false },
    ]);
  });
});
