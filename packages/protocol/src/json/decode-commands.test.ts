import { describe, expect, test } from "bun:test";
import type { Command } from "../command.ts";
import { ProtocolError } from "../protocol-error.ts";
import { jsonCodec } from "./json-codec.ts";

// `toEqual` compares the branded texts as the strings that they are.
const plainSubscribe = {
  channel: "",
  token: "",
  data: undefined,
  recover: false,
  offset: 0,
  epoch: "",
  positioned: false,
  recoverable: false,
  joinLeave: false,
  delta: "",
  rejectUnrecovered: false,
  type: 0,
  filtered: false,
};
const plainConnect = { token: "", data: undefined, subs: new Map(), name: "", version: "" };

function only(frame: string): unknown {
  const commands: readonly Command[] = jsonCodec.decode(frame);
  expect(commands).toHaveLength(1);
  return commands[0];
}

describe("each command is read whole", () => {
  const golden: readonly (readonly [string, unknown])[] = [
    ["{}", { method: "pong" }],
    [" {} ", { method: "pong" }],
    ['{"connect":{},"id":1}', { method: "connect", id: 1, request: plainConnect }],
    [
      '{"id":1,"connect":{"token":"t","data":{"a": 9007199254740993},"name":"js","version":"5.8.0","flag":1,"headers":{"h":"v"},"subs":{"a":{"recover":true,"offset":7,"epoch":"e"},"b":{}}}}',
      {
        method: "connect",
        id: 1,
        request: {
          token: "t",
          data: '{"a": 9007199254740993}',
          subs: new Map([
            ["a", { recover: true, offset: 7, epoch: "e" }],
            ["b", { recover: false, offset: 0, epoch: "" }],
          ]),
          name: "js",
          version: "5.8.0",
        },
      },
    ],
    [
      '{"id":2,"subscribe":{"channel":"a"}}',
      { method: "subscribe", id: 2, request: { ...plainSubscribe, channel: "a" } },
    ],
    [
      '{"id":2,"subscribe":{"channel":"a","token":"t","data":[1],"recover":true,"offset":9007199254740991,"epoch":"e","positioned":true,"recoverable":true,"join_leave":true,"delta":"fossil","flag":3,"type":4,"tf":{"key":"k"}}}',
      {
        method: "subscribe",
        id: 2,
        request: {
          channel: "a",
          token: "t",
          data: "[1]",
          recover: true,
          offset: Number.MAX_SAFE_INTEGER,
          epoch: "e",
          positioned: true,
          recoverable: true,
          joinLeave: true,
          delta: "fossil",
          rejectUnrecovered: true,
          type: 4,
          filtered: true,
        },
      },
    ],
    [
      '{"id":2,"subscribe":{"channel":"a","flag":1,"tf":null,"data":null,"token":null,"recover":null}}',
      { method: "subscribe", id: 2, request: { ...plainSubscribe, channel: "a" } },
    ],
    ['{"id":3,"unsubscribe":{"channel":"a"}}', { method: "unsubscribe", id: 3, channel: "a" }],
    ['{"id":3,"unsubscribe":{}}', { method: "unsubscribe", id: 3, channel: "" }],
    [
      '{"id":4294967295,"publish":{"channel":"a","data":{"n":1.0}}}',
      { method: "publish", id: 4_294_967_295, channel: "a", data: '{"n":1.0}' },
    ],
    [
      '{"id":4,"publish":{"channel":"a","data":null}}',
      { method: "publish", id: 4, channel: "a", data: "null" },
    ],
    [
      '{"id":4,"publish":{"channel":"a"}}',
      { method: "publish", id: 4, channel: "a", data: undefined },
    ],
    ['{"id":5,"presence":{"channel":"a"}}', { method: "presence", id: 5, channel: "a" }],
    [
      '{"id":6,"presence_stats":{"channel":"a"}}',
      { method: "presence_stats", id: 6, channel: "a" },
    ],
    [
      '{"id":7,"history":{"channel":"a","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}}',
      {
        method: "history",
        id: 7,
        request: { channel: "a", limit: -1, since: { offset: 3, epoch: "e" }, reverse: true },
      },
    ],
    [
      '{"id":7,"history":{"channel":"a"}}',
      {
        method: "history",
        id: 7,
        request: { channel: "a", limit: 0, since: undefined, reverse: false },
      },
    ],
    ['{"id":8,"rpc":{"method":"m","data":"x"}}', { method: "rpc", id: 8, name: "m", data: '"x"' }],
    ['{"id":8,"rpc":{}}', { method: "rpc", id: 8, name: "", data: undefined }],
    ['{"send":{"data":{"type":"x"}}}', { method: "send", data: '{"type":"x"}' }],
    ['{"send":{}}', { method: "send", data: undefined }],
    ['{"id":9,"refresh":{"token":"t"}}', { method: "refresh", id: 9, token: "t" }],
    [
      '{"id":10,"sub_refresh":{"channel":"a","token":"t"}}',
      { method: "sub_refresh", id: 10, channel: "a", token: "t" },
    ],
  ];
  for (const [frame, expected] of golden) {
    test(frame.slice(0, 60), () => expect(only(frame)).toEqual(expected));
  }
});

test("the first of several methods in the protocol's order wins, whatever the order in the text", () => {
  expect(only('{"rpc":{"method":"m"},"publish":{"channel":"a","data":1},"id":1}')).toMatchObject({
    method: "publish",
  });
  expect(only('{"id":1,"connect":null,"rpc":{"method":"m"}}')).toMatchObject({ method: "rpc" });
});

test("names and versions of SDKs are cut", () => {
  const name = "n".repeat(100);
  expect(only(`{"id":1,"connect":{"name":"${name}","version":"${name}"}}`)).toMatchObject({
    request: { name: "n".repeat(16), version: "n".repeat(64) },
  });
});

test("members are the object's own, of duplicates the last, and escapes in names count", () => {
  expect(only('{"id":1,"publish":{"channel":"a","channel":"b","data":1,"data":2}}')).toMatchObject({
    channel: "b",
    data: "2",
  });
  expect(only('{"id":1,"publish":{"chann\\u0065l":"a","d\\u0061ta":[ 1 ]}}')).toMatchObject({
    channel: "a",
    data: "[ 1 ]",
  });
  const subs = '{"__proto__":{"recover":true},"constructor":{"offset":2}}';
  expect(only(`{"id":1,"connect":{"subs":${subs}}}`)).toMatchObject({
    request: {
      subs: new Map([
        ["__proto__", { recover: true, offset: 0, epoch: "" }],
        ["constructor", { recover: false, offset: 2, epoch: "" }],
      ]),
    },
  });
  expect(only('{"__proto__":{"id":1,"rpc":{}}}')).toEqual({ method: "pong" });
});

test("a frame holds several commands, one a line, in order; a newline at the end is allowed", () => {
  const frame =
    '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}\n{"send":{"data":1}}\n{}\n';
  expect(jsonCodec.decode(frame).map(({ method }) => method)).toEqual([
    "connect",
    "subscribe",
    "send",
    "pong",
  ]);
});

test("raw carriage returns in a payload become spaces: newlines delimit", () => {
  expect(only('{"id":1,"publish":{"channel":"a","data":{\r"n":\r1}}}')).toMatchObject({
    data: '{ "n": 1}',
  });
});

describe("everything else breaks the protocol", () => {
  const broken: readonly string[] = [
    "",
    "\n",
    " \n ",
    "[]",
    "1",
    "null",
    '"x"',
    "{",
    "{}{}",
    '{"id":1,"connect":{}} {"id":2,"rpc":{}}',
    '{"id":1,"connect":{}}\nbroken',
    '[{"id":1,"connect":{}}]',
    '{"id":1}',
    '{"id":1,"ping":{}}',
    '{"id":1,"unknown":{}}',
    '{"connect":{}}',
    '{"id":0,"subscribe":{"channel":"a"}}',
    '{"id":-1,"rpc":{}}',
    '{"id":1.5,"rpc":{}}',
    '{"id":4294967296,"rpc":{}}',
    '{"id":"1","rpc":{}}',
    '{"id":1,"connect":[]}',
    '{"id":1,"connect":1}',
    '{"id":1,"connect":{"token":1}}',
    '{"id":1,"connect":{"subs":[]}}',
    '{"id":1,"connect":{"subs":{"a":1}}}',
    '{"id":1,"connect":{"subs":{"a":{"offset":"1"}}}}',
    '{"id":1,"subscribe":{"channel":1}}',
    '{"id":1,"subscribe":{"channel":"a","recover":1}}',
    '{"id":1,"subscribe":{"channel":"a","offset":-1}}',
    '{"id":1,"subscribe":{"channel":"a","offset":9007199254740992}}',
    '{"id":1,"subscribe":{"channel":"a","flag":"2"}}',
    '{"id":1,"history":{"channel":"a","limit":2147483648}}',
    '{"id":1,"history":{"channel":"a","since":1}}',
    '{"id":1,"refresh":{"token":{}}}',
    '\u{feff}{"id":1,"connect":{}}',
  ];
  for (const frame of broken) {
    test(JSON.stringify(frame), () => expect(() => jsonCodec.decode(frame)).toThrow(ProtocolError));
  }

  test("and the error names the member", () => {
    expect(() => jsonCodec.decode('{"id":1,"connect":{"subs":{"a":{"offset":true}}}}')).toThrow(
      "connect.subs.a.offset must be an integer from 0 to 9007199254740991",
    );
  });
});
