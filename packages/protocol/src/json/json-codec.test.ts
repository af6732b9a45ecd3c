import { describe, expect, test } from "bun:test";
import { InappropriatePayload } from "../inappropriate-payload.ts";
import type { ConnectResult } from "../messages/connect.ts";
import type { WirePublication } from "../messages/publication.ts";
import type { SubscribeResult } from "../messages/subscribe.ts";
import { type JsonText, parseJsonText, toJsonText } from "../payload.ts";
import type { Push, Reply } from "../reply.ts";
import { jsonCodec } from "./json-codec.ts";

const json = (text: string): JsonText => text as JsonText; // what a test writes is JSON
const ann = { user: "ann", client: "c1", connInfo: undefined, chanInfo: undefined };
const whole = { ...ann, connInfo: json('{"n": 1}'), chanInfo: json("[2]") };
const publication: WirePublication = {
  data: json('{"big":9007199254740993}'),
  offset: 0,
  info: undefined,
  tags: undefined,
};
const subscribed: SubscribeResult = {
  recoverable: false,
  positioned: false,
  epoch: "",
  offset: 0,
  recovery: { kind: "none" },
  ttlSeconds: undefined,
  data: undefined,
};
const connected: ConnectResult = {
  client: "c1",
  version: "1.0",
  data: undefined,
  ttlSeconds: undefined,
  subs: new Map(),
  pingSeconds: 0,
  pong: false,
  session: "",
  node: "",
  timeMs: 0,
};

describe("replies", () => {
  const golden: readonly (readonly [Reply, string])[] = [
    [
      { method: "connect", result: connected },
      '{"id":1,"connect":{"client":"c1","version":"1.0"}}',
    ],
    [
      {
        method: "connect",
        result: {
          ...connected,
          ttlSeconds: 60,
          data: json('{"d":1}'),
          subs: new Map([["#ann", { ...subscribed, recoverable: true, epoch: "e", offset: 2 }]]),
          pingSeconds: 25,
          pong: true,
          session: "s",
          node: "n",
          timeMs: 5,
        },
      },
      '{"id":1,"connect":{"client":"c1","version":"1.0","expires":true,"ttl":60,"data":{"d":1},"subs":{"#ann":{"recoverable":true,"epoch":"e","offset":2}},"ping":25,"pong":true,"session":"s","node":"n","time":5}}',
    ],
    [{ method: "subscribe", result: subscribed }, '{"id":1,"subscribe":{}}'],
    [
      {
        method: "subscribe",
        result: {
          recoverable: true,
          positioned: true,
          epoch: 'e"',
          offset: 3,
          recovery: {
            kind: "recovered",
            publications: [{ ...publication, offset: 4, info: whole, tags: { k: "v" } }],
          },
          ttlSeconds: 9,
          data: json("null"),
        },
      },
      '{"id":1,"subscribe":{"expires":true,"ttl":9,"recoverable":true,"epoch":"e\\"","was_recovering":true,"recovered":true,"publications":[{"data":{"big":9007199254740993},"info":{"user":"ann","client":"c1","conn_info":{"n": 1},"chan_info":[2]},"offset":4,"tags":{"k":"v"}}],"offset":3,"positioned":true,"data":null}}',
    ],
    [
      { method: "subscribe", result: { ...subscribed, recovery: { kind: "failed" } } },
      '{"id":1,"subscribe":{"was_recovering":true}}',
    ],
    [
      {
        method: "subscribe",
        result: { ...subscribed, recovery: { kind: "recovered", publications: [] } },
      },
      '{"id":1,"subscribe":{"was_recovering":true,"recovered":true}}',
    ],
    [{ method: "unsubscribe" }, '{"id":1,"unsubscribe":{}}'],
    [{ method: "publish" }, '{"id":1,"publish":{}}'],
    [
      { method: "presence", result: { presence: new Map() } },
      '{"id":1,"presence":{"presence":{}}}',
    ],
    [
      {
        method: "presence",
        result: { presence: new Map([["c1", { ...ann, user: "" }]]) },
      },
      '{"id":1,"presence":{"presence":{"c1":{"user":"","client":"c1"}}}}',
    ],
    [
      { method: "presence_stats", result: { connections: 0, users: 0 } },
      '{"id":1,"presence_stats":{"num_clients":0,"num_users":0}}',
    ],
    [
      { method: "history", result: { publications: [], epoch: "", offset: 0 } },
      '{"id":1,"history":{"publications":[],"epoch":"","offset":0}}',
    ],
    [
      {
        method: "history",
        result: { publications: [{ ...publication, offset: 1 }], epoch: "e", offset: 1 },
      },
      '{"id":1,"history":{"publications":[{"data":{"big":9007199254740993},"offset":1}],"epoch":"e","offset":1}}',
    ],
    [{ method: "rpc", data: undefined }, '{"id":1,"rpc":{}}'],
    [{ method: "rpc", data: json("0") }, '{"id":1,"rpc":{"data":0}}'],
    [
      { method: "refresh", result: { ttlSeconds: 5, client: "c1", version: "v" } },
      '{"id":1,"refresh":{"client":"c1","version":"v","expires":true,"ttl":5}}',
    ],
    [
      { method: "sub_refresh", result: { ttlSeconds: undefined, client: "", version: "" } },
      '{"id":1,"sub_refresh":{}}',
    ],
  ];
  for (const [reply, expected] of golden) {
    test(expected.slice(0, 70), () => expect(jsonCodec.reply(1, reply)).toBe(expected));
  }

  test("errors carry `temporary` only when they are", () => {
    const error = { code: 100, message: 'it is "so"', temporary: true };
    expect(jsonCodec.error(7, error)).toBe(
      '{"id":7,"error":{"code":100,"message":"it is \\"so\\"","temporary":true}}',
    );
    expect(jsonCodec.error(7, { ...error, temporary: false })).toBe(
      '{"id":7,"error":{"code":100,"message":"it is \\"so\\""}}',
    );
  });

  test("the ping is an empty reply", () => expect(jsonCodec.ping).toBe("{}"));
});

describe("pushes", () => {
  const bare = { type: "publication", channel: 'a"', publication, epoch: "", timeMs: 0 } as const;
  const added = {
    type: "subscribe",
    channel: "a",
    recoverable: true,
    positioned: true,
    epoch: "e",
    offset: 5,
    data: json("{}"),
  } as const;
  const golden: readonly (readonly [Push, string])[] = [
    [bare, '{"push":{"channel":"a\\"","pub":{"data":{"big":9007199254740993}}}}'],
    [
      {
        ...bare,
        publication: { ...publication, offset: 1, info: ann, tags: { a: "b" } },
        epoch: "e",
        timeMs: 9,
      },
      '{"push":{"channel":"a\\"","pub":{"data":{"big":9007199254740993},"info":{"user":"ann","client":"c1"},"offset":1,"tags":{"a":"b"},"time":9,"epoch":"e"}}}',
    ],
    [
      { ...bare, publication: { ...publication, tags: {} } },
      '{"push":{"channel":"a\\"","pub":{"data":{"big":9007199254740993}}}}',
    ],
    [
      { type: "join", channel: "a", info: whole },
      '{"push":{"channel":"a","join":{"info":{"user":"ann","client":"c1","conn_info":{"n": 1},"chan_info":[2]}}}}',
    ],
    [
      { type: "leave", channel: "a", info: { ...ann, user: "" } },
      '{"push":{"channel":"a","leave":{"info":{"user":"","client":"c1"}}}}',
    ],
    [
      {
        type: "unsubscribe",
        channel: "a",
        unsubscribe: { code: 2500, reason: "insufficient state" },
      },
      '{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"insufficient state"}}}',
    ],
    [
      added,
      '{"push":{"channel":"a","subscribe":{"recoverable":true,"epoch":"e","offset":5,"positioned":true,"data":{}}}}',
    ],
    [
      { ...added, recoverable: false, positioned: false, epoch: "", offset: 0, data: undefined },
      '{"push":{"channel":"a","subscribe":{}}}',
    ],
    [{ type: "message", data: json('{"m":1}') }, '{"push":{"message":{"data":{"m":1}}}}'],
    [
      { type: "disconnect", disconnect: { code: 3001, reason: "shutdown" } },
      '{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}',
    ],
    [{ type: "refresh", ttlSeconds: 60 }, '{"push":{"refresh":{"expires":true,"ttl":60}}}'],
    [{ type: "refresh", ttlSeconds: undefined }, '{"push":{"refresh":{}}}'],
  ];
  for (const [push, expected] of golden) {
    test(expected.slice(0, 70), () => expect(jsonCodec.push(push)).toBe(expected));
  }
});

test("bytes that are not JSON are refused wherever a publication is written", () => {
  const binary = { ...publication, data: Uint8Array.of(1, 2) };
  const result = { publications: [binary], epoch: "e", offset: 1 };
  const recovery = { kind: "recovered", publications: [binary] } as const;
  expect(() => jsonCodec.reply(1, { method: "history", result })).toThrow(InappropriatePayload);
  expect(() =>
    jsonCodec.reply(1, { method: "subscribe", result: { ...subscribed, recovery } }),
  ).toThrow(InappropriatePayload);
  expect(() =>
    jsonCodec.push({
      type: "publication",
      channel: "a",
      publication: binary,
      epoch: "",
      timeMs: 0,
    }),
  ).toThrow(InappropriatePayload);
});

test("every frame is one line, whatever is in it", () => {
  const odd = 'a"\n\r\\\u2028\u0000';
  const frames = [
    jsonCodec.push({ ...{ type: "join", channel: odd }, info: { ...ann, user: odd } }),
    jsonCodec.push({ type: "message", data: toJsonText({ odd }) }),
    jsonCodec.error(1, { code: 107, message: odd, temporary: false }),
  ];
  for (const frame of frames) {
    expect(frame).not.toMatch(/[\n\r]/);
    expect(parseJsonText(frame)).toBeDefined();
  }
});
