import { describe, expect, test } from "bun:test";
import type { ServerOperations } from "@switchyard/core";
import { turn } from "@switchyard/testkit";
import { apiHarness } from "./harness/api-harness.ts";

const ok = '{"result":{}}';
const info = '{"result":{"nodes":[]}}';
const badRequest = '{"error":{"code":107,"message":"bad request"}}';
const notFound = '{"error":{"code":104,"message":"not found"}}';

describe("legacy commands", () => {
  test.each([
    [
      "by newline",
      '{"method":"publish","params":{"channel":"a","data":1}}\n{"method":"presence","params":{}}',
      `${ok}\n${badRequest}`,
    ],
    ["by \\r\\n, one at the end", '{"method":"info"}\r\n{"method":"info"}\r\n', `${info}\n${info}`],
    ["by nothing", '{"method":"info"}{"method":"info"}', `${info}\n${info}`],
    ["by much", '\t {"method":"info"} \n\n {"method":"info"}\n\n', `${info}\n${info}`],
    ["white space only", " \n", ""],
    [
      "ids",
      '{"id":1,"method":"info"}{"id":0,"method":"info"}{"id":4294967295,"method":"presence","params":{}}',
      `{"id":1,"result":{"nodes":[]}}\n${info}\n{"id":4294967295,"error":{"code":107,"message":"bad request"}}`,
    ],
    ["null id", '{"id":null,"method":"info"}', info],
    [
      "PascalCase",
      '{"Method":"Presence_Stats","Params":{"Channel":"a"}}',
      '{"result":{"num_clients":0,"num_users":0}}',
    ],
    ["upper case", '{"method":"HISTORY_REMOVE","params":{"channel":"a"}}', ok],
    ["info with the array of PHP", '{"method":"info","params":[]}', info],
    [
      "info with anything",
      '{"method":"info","params":"x"}{"method":9,"params":[1]}',
      `${info}\n${info}`,
    ],
    ["a missing method is publish", '{"params":{"channel":"a","data":1}}', ok],
    ["a null method is publish", '{"method":null,"params":{"channel":"a","data":1}}', ok],
    ["a null command is an empty one", "null", badRequest],
    [
      "missing and null params",
      '{"method":"channels"}{"method":"channels","params":null}',
      `${badRequest}\n${badRequest}`,
    ],
    [
      "params of the wrong type",
      '{"method":"publish","params":5}{"method":"publish","params":{"channel":5}}{"method":"info"}',
      `${badRequest}\n${badRequest}\n${info}`,
    ],
    [
      "an empty array for params",
      '{"method":"channels","params":[]}',
      '{"result":{"channels":{}}}',
    ],
    [
      "methods that exist elsewhere",
      '{"method":"block_user","params":{"user":"1"}}{"method":"MAP_PUBLISH"}',
      `${notFound}\n${notFound}`,
    ],
    [
      "our own methods",
      '{"method":"send","params":{"user":"u","data":1}}{"method":"online_users","params":{}}',
      `${ok}\n{"result":{"users":[]}}`,
    ],
    [
      "names with quotes and braces",
      '{"method":"publish","params":{"channel":"}\\"{\\\\","data":"]}\\\\"}}{"method":"info"}',
      `${ok}\n${info}`,
    ],
  ])("%s", async (_, body, answer) => {
    expect(await apiHarness().post("/api", body)).toEqual([200, answer]);
  });

  test("each number has its method", async () => {
    const api = apiHarness();
    for (let method = 0; method <= 12; method += 1) {
      await api.post("/api", {
        method,
        params: { channel: "a", channels: ["a"], data: 1, method: "m" },
      });
    }
    expect(api.calls.map(([name]) => name)).toEqual([
      "publish",
      "publish",
      "unsubscribe",
      "disconnect",
      "presence",
      "presenceStats",
      "history",
      "removeHistory",
      "channels",
      "info",
      "rpc",
      "subscribe",
      "refresh",
    ]);
  });

  test.each([
    ["empty", ""],
    ["an array", '[{"method":"info"}]'],
    ["an array after a command", '{"method":"info"}[]'],
    ["a string", '"info"'],
    ["a byte order mark", '\ufeff{"method":"info"}'],
    ["an unknown name", '{"method":"nothing"}'],
    ["the empty name", '{"method":"","params":{}}'],
    ["batch", '{"method":"batch","params":{"commands":[]}}'],
    ["an unknown number", '{"method":13}'],
    ["a negative number", '{"method":-1}'],
    ["a fraction", '{"method":9.0}'],
    ["a method of another type", '{"method":true}'],
    ["a number in quotes", '{"method":"9"}'],
    ["id in quotes", '{"id":"1","method":"info"}'],
    ["id too large", '{"id":4294967296,"method":"info"}'],
    ["cut off", '{"method":"info"'],
    ["cut off in a string", '{"method":"info'],
    ["cut off in an escape", '{"method":"info\\'],
    ["broken inside", '{"method":"info",}'],
    ["too many braces", '{"method":"info"}}'],
    ["commas between", '{"method":"info"},{"method":"info"}'],
  ])("400 for %s", async (_, body) => {
    expect(await apiHarness().post("/api", body)).toEqual([400, "Bad Request\n"]);
  });

  test("what comes before broken JSON has run", async () => {
    const api = apiHarness();
    expect(
      await api.post("/api", '{"method":"info"}{"method":"nothing"}{"method":"info"}'),
    ).toEqual([400, "Bad Request\n"]);
    expect(api.calls).toEqual([["info"]]);
  });

  test("one after another", async () => {
    let underWay = 0;
    const seen: unknown[] = [];
    const publish: ServerOperations["publish"] = async ({ channel }) => {
      underWay += 1;
      seen.push([channel, underWay]);
      await turn();
      underWay -= 1;
      return { position: undefined };
    };
    await apiHarness({ publish }).post(
      "/api",
      ["a", "b", "c"].map((channel) => JSON.stringify({ params: { channel, data: 1 } })).join("\n"),
    );
    expect(seen).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 1],
    ]);
  });

  test("no raw newline inside a reply, payloads keep their spelling", async () => {
    const api = apiHarness();
    await api.post("/api", '{"method":"publish","params":{"channel":"a","data":{\n"n":1.0\n}}}');
    expect(api.calls[0]?.[1]).toMatchObject({ data: '{ "n":1.0 }' });
  });
});
