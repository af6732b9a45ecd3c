import { describe, expect, test } from "bun:test";
import { type ServerOperations, SwitchyardError } from "@switchyard/core";
import { turn } from "@switchyard/testkit";
import { apiHarness } from "./harness/api-harness.ts";

const notFound = '{"error":{"code":104,"message":"not found"}}';
const badRequest = '{"error":{"code":107,"message":"bad request"}}';

describe("batch", () => {
  test("replies are in the order of commands, without a result around them", async () => {
    const api = apiHarness();
    expect(
      await api.post("/api/batch", {
        commands: [{ publish: { channel: "a", data: 1 } }, { info: {} }, {}],
      }),
    ).toEqual([200, `{"replies":[{"publish":{}},{"info":{"nodes":[]}},${notFound}]}`]);
  });

  test.each([
    ["no commands", "{}", "", []],
    ["null", "null", "", []],
    ["empty list", '{"commands":[]}', "", []],
    ["null list", '{"commands":null,"parallel":null}', "", []],
    [
      "null slot",
      '{"commands":[null,{"info":{}}]}',
      `${badRequest},{"info":{"nodes":[]}}`,
      ["info"],
    ],
    [
      "empty array for an object",
      '{"commands":[[],{"info":[]}]}',
      `${notFound},{"info":{"nodes":[]}}`,
      ["info"],
    ],
    [
      "unknown and unavailable",
      '{"commands":[{"nothing":{}},{"block_user":{"user":"1"}},{"map_publish":{}}]}',
      `${notFound},${notFound},${notFound}`,
      [],
    ],
    [
      "names in any case",
      '{"Commands":[{"Presence_Stats":{"Channel":"a"}}]}',
      '{"presence_stats":{"num_clients":0,"num_users":0}}',
      ["presenceStats"],
    ],
    [
      "the first of several methods",
      '{"commands":[{"channels":{},"rpc":{"method":"m"},"presence":{"channel":"a"}}]}',
      '{"presence":{"presence":{}}}',
      ["presence"],
    ],
    [
      "javacent's nulls",
      '{"commands":[{"publish":null,"broadcast":null,"history":null,"info":{},"rpc":null,"connections":null}]}',
      '{"info":{"nodes":[]}}',
      ["info"],
    ],
    ["only nulls", '{"commands":[{"publish":null}]}', notFound, []],
    ["a batch in a batch", '{"commands":[{"batch":{"commands":[]}}]}', notFound, []],
    [
      "our own methods",
      '{"commands":[{"send":{"user":"u","data":1}},{"online_users":{}}]}',
      '{"send":{}},{"online_users":{"users":[]}}',
      ["send", "usersOnline"],
    ],
    [
      "bad base64 stops only its own command",
      '{"commands":[{"publish":{"channel":"a","b64data":"!"}},{"info":{}}]}',
      `${badRequest},{"info":{"nodes":[]}}`,
      ["info"],
    ],
  ])("%s", async (_, body, replies, called) => {
    const api = apiHarness();
    expect(await api.post("/api/batch", body)).toEqual([200, `{"replies":[${replies}]}`]);
    expect(api.calls.map(([name]) => name)).toEqual(called);
  });

  test.each([
    '{"commands":{}}',
    '{"commands":"x"}',
    '{"commands":[1]}',
    '{"commands":[{"info":{}},[1]]}',
    '{"commands":[{"info":{}},"x"]}',
    '{"commands":[{"info":{}},{"publish":{"channel":5}}]}',
    '{"commands":[{"info":{}},{"publish":"x"}]}',
    '{"commands":[{"info":{},"publish":{"channel":5}}]}',
    '{"commands":[{"info":{}}],"parallel":1}',
  ])("one wrong type and nothing runs: %s", async (body) => {
    const api = apiHarness();
    expect(await api.post("/api/batch", body)).toEqual([400, "Bad Request\n"]);
    expect(api.calls).toEqual([]);
  });

  test("payloads keep their spelling", async () => {
    const api = apiHarness();
    await api.post(
      "/api/batch",
      '{"commands":[ {"publish":{"channel":"a","data":{"publish" : 1.0, "}":"{"}}} , {"publish":{"data":[1e2],"channel":"b"}}]}',
    );
    expect(api.calls.map(([, request]) => request)).toMatchObject([
      { channel: "a", data: '{"publish" : 1.0, "}":"{"}' },
      { channel: "b", data: "[1e2]" },
    ]);
  });

  test("a failing command does not stop the others", async () => {
    const api = apiHarness({ presence: () => Promise.reject(new SwitchyardError("notAvailable")) });
    expect(
      await api.post("/api/batch", { commands: [{ presence: { channel: "a" } }, { info: {} }] }),
    ).toEqual([
      200,
      '{"replies":[{"error":{"code":108,"message":"not available"}},{"info":{"nodes":[]}}]}',
    ]);
  });

  test.each([
    ["one after another", false, 1],
    ["together, at most 1024", true, 1_024],
  ])("%s", async (_, parallel, expected) => {
    let underWay = 0;
    let most = 0;
    const started: string[] = [];
    const publish: ServerOperations["publish"] = async ({ channel }) => {
      started.push(channel);
      underWay += 1;
      most = Math.max(most, underWay);
      // Later ones end first.
      for (let left = 5 - (started.length % 5); left > 0; left -= 1) await turn();
      underWay -= 1;
      return { position: { offset: Number(channel), epoch: "" } };
    };
    const numbers = Array.from({ length: 1_500 }, (_, index) => String(index + 1));
    const commands = numbers.map((channel) => ({ publish: { channel, data: 1 } }));
    const [, body] = await apiHarness({ publish }).post("/api/batch", { commands, parallel });
    expect(body).toBe(
      `{"replies":[${numbers.map((offset) => `{"publish":{"offset":${offset}}}`).join(",")}]}`,
    );
    expect([started, most]).toEqual([numbers, expected]);
  });

  test("a long batch of operations that complete at once lets others in", async () => {
    const api = apiHarness();
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await api.post("/api/batch", {
      commands: Array.from({ length: 10_000 }, () => ({ info: {} })),
    });
    done = true;
    expect(turns).toBeGreaterThanOrEqual(30);
  });
});
