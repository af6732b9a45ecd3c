import { describe } from "bun:test";
import type { RecordedCall } from "../harness/scripted-operations.ts";
import { badRequest, type RequestRow, testRequests, user42 } from "../harness/request-rows.ts";

const plainPublish = {
  skipHistory: false,
  tags: undefined,
  idempotencyKey: "",
  version: 0,
  versionEpoch: "",
};
const published = (channel: string, data: unknown, more: object = {}): RecordedCall => [
  "publish",
  { channel, data, ...plainPublish, ...more },
];

const rows: RequestRow[] = [
  [
    "data as it is spelt",
    "publish",
    '{"channel":"a","data":{ "n" : 9007199254740993, "x":1.50 }}',
    [published("a", '{ "n" : 9007199254740993, "x":1.50 }')],
  ],
  ["null is a payload", "publish", '{"channel":"a","data":null}', [published("a", "null")]],
  [
    "empty string and 0 are payloads",
    "publish",
    '{"channel":"a","data":""}',
    [published("a", '""')],
  ],
  [
    "raw newlines become spaces",
    "publish",
    '{"channel":"a","data":[1,\r\n2]}',
    [published("a", "[1,  2]")],
  ],
  [
    "b64data that is JSON",
    "publish",
    { channel: "a", b64data: btoa('{"a":1}') },
    [published("a", '{"a":1}')],
  ],
  [
    "b64data that is not JSON",
    "publish",
    { channel: "a", b64data: btoa("hello") },
    [published("a", new TextEncoder().encode("hello"))],
  ],
  [
    "b64data that is not UTF-8",
    "publish",
    { channel: "a", b64data: "Iuki" },
    [published("a", new Uint8Array([0x22, 0xe9, 0x22]))],
  ],
  [
    "b64data beats data",
    "publish",
    { channel: "a", b64data: btoa("1"), data: 2 },
    [published("a", "1")],
  ],
  [
    "empty b64data does not",
    "publish",
    { channel: "a", b64data: "", data: 2 },
    [published("a", "2")],
  ],
  [
    "null b64data does not",
    "publish",
    { channel: "a", b64data: null, data: 2 },
    [published("a", "2")],
  ],
  [
    "empty b64data alone is no bytes, for the namespace to judge",
    "publish",
    { channel: "a", b64data: "" },
    [published("a", new Uint8Array())],
  ],
  ["bad base64", "publish", { channel: "a", b64data: "a" }, [], badRequest],
  ["URL-safe base64", "publish", { channel: "a", b64data: "__--" }, [], badRequest],
  ["bad base64 beside data", "publish", { channel: "a", b64data: "*", data: 1 }, [], badRequest],
  ["no data", "publish", { channel: "a" }, [], badRequest],
  ["no channel", "publish", { data: 1 }, [], badRequest],
  ["null channel", "publish", { channel: null, data: 1 }, [], badRequest],
  [
    "all options",
    "publish",
    '{"channel":"a","data":1,"skip_history":true,"tags":{"K":"v","k":"w","__proto__":"p"},"idempotency_key":"i","delta":true,"version":9007199254740991,"version_epoch":"e"}',
    [
      published("a", "1", {
        skipHistory: true,
        tags: Object.fromEntries([
          ["K", "v"],
          ["k", "w"],
          ["__proto__", "p"],
        ]),
        idempotencyKey: "i",
        version: 9_007_199_254_740_991,
        versionEpoch: "e",
      }),
    ],
  ],
  [
    "all options null",
    "publish",
    '{"channel":"a","data":1,"b64data":null,"skip_history":null,"tags":null,"idempotency_key":null,"delta":null,"version":null,"version_epoch":null}',
    [published("a", "1")],
  ],
  ["empty maps of PHP", "publish", '{"channel":"a","data":[],"tags":[ ]}', [published("a", "[]")]],
  [
    "a null tag",
    "publish",
    '{"channel":"a","data":1,"tags":{"a":null}}',
    [published("a", "1", { tags: { a: "" } })],
  ],
  [
    "names in any case, the last wins",
    "publish",
    '{"CHANNEL":"x","data":1,"channel":"y","Data":2,"data":3,"ChAnNeL":"a"}',
    [published("a", "3")],
  ],
  ["escaped member names", "publish", '{"\\u0063hannel":"a","data":1}', [published("a", "1")]],
  [
    "unknown members",
    "publish",
    '{"channel":"a","data":1,"what":{"channel":"b"},"__proto__":{"channel":"c"},"constructor":1}',
    [published("a", "1")],
  ],
  [
    "a lone surrogate in a string is U+FFFD",
    "publish",
    '{"channel":"a\\ud800","data":1,"tags":{"\\udc00":"\\ud800"}}',
    [published("a\ufffd", "1", { tags: { "\ufffd": "\ufffd" } })],
  ],
  [
    "to several, one twice",
    "broadcast",
    { channels: ["a", "b", "a"], data: 1 },
    [published("a", "1"), published("b", "1"), published("a", "1")],
    '{"result":{"responses":[{"result":{}},{"result":{}},{"result":{}}]}}',
  ],
  ["nobody", "broadcast", { channels: [], data: 1 }, [], badRequest],
  ["no list", "broadcast", { data: 1 }, [], badRequest],
  ["bad base64", "broadcast", { channels: ["a"], b64data: "!" }, [], badRequest],
  [
    "no data, channel by channel",
    "broadcast",
    { channels: ["a"] },
    [],
    `{"result":{"responses":[${badRequest}]}}`,
  ],
  [
    "blank and null names",
    "broadcast",
    { channels: ["", null, "a"], data: 1 },
    [published("a", "1")],
    `{"result":{"responses":[${badRequest},${badRequest},{"result":{}}]}}`,
  ],
  ["to a user", "send", '{"user":"42","data":{"a": 1}}', [["send", user42, '{"a": 1}']]],
  [
    "to one connection",
    "send",
    { client: "c", data: 1 },
    [["send", { kind: "client", client: "c" }, "1"]],
  ],
  [
    "to one connection of a user",
    "send",
    { user: "42", client: "c", data: 1 },
    [["send", { ...user42, client: "c" }, "1"]],
  ],
  [
    "to all",
    "send",
    { all_users: true, user: "", client: "", data: null },
    [["send", { kind: "all" }, "null"]],
  ],
  ["to nobody", "send", { data: 1 }, [], badRequest],
  ["to all and a user", "send", { all_users: true, user: "42", data: 1 }, [], badRequest],
  ["nothing", "send", { user: "42" }, [], badRequest],
];

describe("publishing requests", () => {
  testRequests(rows);
});
