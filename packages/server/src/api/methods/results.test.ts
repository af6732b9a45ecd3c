import { describe, expect, test } from "bun:test";
import {
  channelName,
  connectionId,
  type ServerOperations,
  SwitchyardError,
} from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";
import { turn } from "@switchyard/testkit";
import { apiHarness, nowMs } from "../harness/api-harness.ts";

const json = trustJsonText;

describe("results", () => {
  const results: [
    what: string,
    method: string,
    body: object,
    answers: Partial<ServerOperations>,
    result: string,
  ][] = [
    [
      "stored",
      "publish",
      { channel: "a", data: 1 },
      { publish: async () => ({ position: { offset: 7, epoch: "xKqf" } }) },
      '{"offset":7,"epoch":"xKqf"}',
    ],
    [
      "entries of a channel",
      "presence",
      { channel: "a" },
      {
        presence: async () =>
          new Map([
            [
              "c9",
              { user: "42", client: "c9", connInfo: json('{"name": "Ann"}'), chanInfo: undefined },
            ],
            ["c0", { user: "", client: "c0", connInfo: undefined, chanInfo: json("1.0") }],
          ]),
      },
      '{"presence":{"c9":{"user":"42","client":"c9","conn_info":{"name": "Ann"}},"c0":{"user":"","client":"c0","chan_info":1.0}}}',
    ],
    [
      "numbers",
      "presence_stats",
      { channel: "a" },
      { presenceStats: async () => ({ connections: 3, users: 2 }) },
      '{"num_clients":3,"num_users":2}',
    ],
    [
      "publications",
      "history",
      { channel: "a" },
      {
        history: async () => ({
          top: { offset: 5, epoch: "x" },
          publications: [
            {
              data: json('{"t":1e400}'),
              offset: 4,
              id: "i",
              info: { user: "u", client: "c", connInfo: undefined, chanInfo: undefined },
              tags: { a: "b" },
              publishedAt: 1,
            },
            { data: json("null"), offset: 5, id: "i", info: undefined, tags: {}, publishedAt: 1 },
          ],
        }),
      },
      '{"publications":[{"data":{"t":1e400},"offset":4,"info":{"user":"u","client":"c"},"tags":{"a":"b"}},{"data":null,"offset":5}],"offset":5,"epoch":"x"}',
    ],
    [
      "channels",
      "channels",
      {},
      {
        channels: async () =>
          new Map([
            ["room", 3],
            ['q"', 0],
          ]),
      },
      '{"channels":{"room":{"num_clients":3},"q\\"":{}}}',
    ],
    [
      "nodes, zeros included",
      "info",
      {},
      {
        info: async () => [
          {
            uid: "u",
            name: "n",
            version: "v",
            connections: 1,
            users: 2,
            channels: 3,
            subscriptions: 4,
            uptimeSeconds: 0.9,
          },
        ],
      },
      '{"nodes":[{"uid":"u","name":"n","version":"v","num_clients":1,"num_users":2,"num_channels":3,"num_subs":4,"uptime":0}]}',
    ],
    ["rpc data", "rpc", { method: "m" }, { rpc: async () => json("[1.0]") }, '{"data":[1.0]}'],
    [
      "connections",
      "connections",
      { user: "42" },
      { connections: async () => twoConnections },
      '{"connections":{"c1":{"app_name":"web","app_version":"2","transport":"websocket","protocol":"json","user":"42","state":{"channels":{"a":{},"b":{}},"meta":{"x":1.0}}},"c2":{"transport":"sse","protocol":"json"}}}',
    ],
    [
      "connections with their time",
      "connections",
      { user: "42", include_connected_at: true },
      { connections: async () => twoConnections.slice(1) },
      '{"connections":{"c2":{"transport":"sse","protocol":"json","connected_at_ms":12}}}',
    ],
    [
      "statuses",
      "get_user_status",
      { users: ["a", "b"] },
      { usersOnline: async () => new Map([["b", { connections: 1, sinceMs: 5_000 }]]) },
      `{"statuses":[{"user":"a"},{"user":"b","online":${Math.floor(nowMs / 1_000)}}]}`,
    ],
  ];

  test.each(results)("%s: %s", async (_, method, body, answers, result) => {
    expect(await apiHarness(answers).post(`/api/${method}`, body)).toEqual([
      200,
      `{"result":${result}}`,
    ]);
  });

  test("broadcast: each channel its own outcome", async () => {
    const publish: ServerOperations["publish"] = async ({ channel }) => {
      if (channel === "nope:b") throw new SwitchyardError("unknownChannel");
      if (channel === "down") throw new Error("secret");
      return { position: { offset: 1, epoch: "e" } };
    };
    const api = apiHarness({ publish });
    const [, body] = await api.post(
      "/api/broadcast",
      { channels: ["a", "nope:b", "down"], data: 1 },
      { "X-Centrifugo-Error-Mode": "transport" },
    );
    expect(body).toBe(
      '{"result":{"responses":[{"result":{"offset":1,"epoch":"e"}},{"error":{"code":102,"message":"unknown channel"}},{"error":{"code":100,"message":"internal server error"}}]}}',
    );
    expect(
      api.logged.map(({ level, fields }) => [level, fields["method"], fields["code"]]),
    ).toEqual([
      ["info", "broadcast", 102],
      ["error", "broadcast", 100],
    ]);
  });

  test("broadcast: at most 1024 under way, results in order", async () => {
    let underWay = 0;
    let most = 0;
    const publish: ServerOperations["publish"] = async ({ channel }) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
      return { position: { offset: Number(channel), epoch: "" } };
    };
    const channels = Array.from({ length: 3_000 }, (_, index) => String(index + 1));
    const [, body] = await apiHarness({ publish }).post("/api/broadcast", { channels, data: 1 });
    expect(most).toBe(1_024);
    expect(body).toBe(
      `{"result":{"responses":[${channels.map((offset) => `{"result":{"offset":${offset}}}`).join(",")}]}}`,
    );
  });

  test("history that holds bytes is an API error", async () => {
    const publication = {
      data: new Uint8Array([1]),
      offset: 1,
      id: "i",
      info: undefined,
      tags: undefined,
      publishedAt: 1,
    };
    const api = apiHarness({
      history: async () => ({ publications: [publication], top: { offset: 1, epoch: "e" } }),
    });
    expect(await api.post("/api/history", { channel: "a", limit: 1 })).toEqual([
      200,
      '{"error":{"code":108,"message":"not available"}}',
    ]);
  });

  test("online_users: pages in the order of user ids, the anonymous user first", async () => {
    const users = new Map(
      ["b", "", "é", "a", "B"].map((user, index) => [
        user,
        { connections: index + 1, sinceMs: index * 1_000 + 999 },
      ]),
    );
    const api = apiHarness({ usersOnline: async () => users });
    const seen: unknown[] = [];
    let cursor: string | undefined = "";
    while (cursor !== undefined) {
      const [, body] = await api.post("/api/online_users", { limit: 1, cursor });
      const { result }: OnlineUsersBody = JSON.parse(body);
      seen.push(...result.users);
      cursor = result.next_cursor;
    }
    expect(seen).toEqual([
      { user: "", connections: 2, since: 1 },
      { user: "B", connections: 5, since: 4 },
      { user: "a", connections: 4, since: 3 },
      { user: "b", connections: 1, since: 0 },
      { user: "é", connections: 3, since: 2 },
    ]);
  });

  test("online_users: 100 a page unless asked otherwise", async () => {
    const users = new Map(
      Array.from({ length: 101 }, (_, index) => [`u${index}`, { connections: 1, sinceMs: 0 }]),
    );
    const [, body] = await apiHarness({ usersOnline: async () => users }).post(
      "/api/online_users",
      { limit: 0 },
    );
    const { result }: OnlineUsersBody = JSON.parse(body);
    expect([result.users.length, result.next_cursor]).toEqual([100, "after:u98"]);
  });
});
interface OnlineUsersBody {
  readonly result: { readonly users: readonly object[]; readonly next_cursor?: string };
}

const twoConnections = [
  {
    client: connectionId("c1"),
    user: "42",
    transport: "websocket",
    encoding: "json",
    appName: "web",
    appVersion: "2",
    connectedAtMs: 1,
    remoteAddress: "10.0.0.1",
    channels: [channelName("a"), channelName("b")],
    meta: json('{"x":1.0}'),
  },
  {
    client: connectionId("c2"),
    user: "",
    transport: "sse",
    encoding: "json",
    appName: "",
    appVersion: "",
    connectedAtMs: 12.7,
    remoteAddress: "",
    channels: [],
    meta: undefined,
  },
];
