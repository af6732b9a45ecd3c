import { describe } from "bun:test";
import type { RecordedCall } from "../harness/scripted-operations.ts";
import {
  anonymous,
  badRequest,
  type RequestRow,
  testRequests,
  user42,
} from "../harness/request-rows.ts";

const noOverride = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};
const subscribed = (more: object): RecordedCall => [
  "subscribe",
  {
    target: user42,
    channel: "a",
    info: undefined,
    data: undefined,
    expireAt: 0,
    recoverSince: undefined,
    override: noOverride,
    ...more,
  },
];

const rows: RequestRow[] = [
  ["a user", "subscribe", { user: "42", channel: "a" }, [subscribed({})]],
  ["the anonymous user", "subscribe", { channel: "a" }, [subscribed({ target: anonymous })]],
  [
    "one connection and session",
    "subscribe",
    { channel: "a", user: "42", client: "c", session: "s" },
    [subscribed({ target: { ...user42, client: "c", session: "s" } })],
  ],
  [
    "info and data",
    "subscribe",
    '{"user":"42","channel":"a","info":{"n":1.0},"data":[ ]}',
    [subscribed({ info: '{"n":1.0}', data: "[ ]" })],
  ],
  [
    "null info and data",
    "subscribe",
    '{"user":"42","channel":"a","info":null,"data":null}',
    [subscribed({})],
  ],
  [
    "base64 info and data",
    "subscribe",
    { user: "42", channel: "a", b64info: btoa("1"), b64data: btoa("2"), data: 3 },
    [subscribed({ info: "1", data: "2" })],
  ],
  [
    "empty base64",
    "subscribe",
    { user: "42", channel: "a", b64info: "", b64data: "", data: 3 },
    [subscribed({ data: "3" })],
  ],
  [
    "base64 data that is not JSON",
    "subscribe",
    { user: "42", channel: "a", b64data: btoa("x") },
    [],
    badRequest,
  ],
  ["bad base64 info", "subscribe", { user: "42", channel: "a", b64info: "x" }, [], badRequest],
  [
    "expiry and position",
    "subscribe",
    { user: "42", channel: "a", expire_at: -5, recover_since: { offset: 7, epoch: "e" } },
    [subscribed({ expireAt: -5, recoverSince: { offset: 7, epoch: "e" } })],
  ],
  [
    "overrides, some bare, one empty",
    "subscribe",
    {
      user: "42",
      channel: "a",
      override: {
        presence: { value: true },
        join_leave: false,
        force_recovery: {},
        force_positioning: null,
        force_push_join_leave: { value: null },
      },
    },
    [
      subscribed({
        override: {
          presence: true,
          joinLeave: false,
          forceRecovery: false,
          forcePositioning: undefined,
          forcePushJoinLeave: false,
        },
      }),
    ],
  ],
  ["no channel", "subscribe", { user: "42" }, [], badRequest],
  [
    "everybody",
    "subscribe",
    { channel: "a", all_users: true },
    [subscribed({ target: { kind: "all" } })],
  ],
  [
    "label filter",
    "subscribe",
    { channel: "a", user: "42", label_filter: { key: "a", cmp: "ex" } },
    [],
    badRequest,
  ],
  ["a user", "unsubscribe", { user: "42", channel: "a" }, [["unsubscribe", user42, "a"]]],
  ["no channel", "unsubscribe", { user: "42" }, [], badRequest],
  [
    "everybody",
    "unsubscribe",
    { channel: "a", all_users: true, user: "" },
    [["unsubscribe", { kind: "all" }, "a"]],
  ],
  [
    "a user goes before all_users",
    "unsubscribe",
    { channel: "a", all_users: true, user: "42" },
    [["unsubscribe", user42, "a"]],
  ],
  ["label filter", "unsubscribe", { channel: "a", user: "42", label_filter: [] }, [], badRequest],
  [
    "a user",
    "disconnect",
    { user: "42" },
    [["disconnect", { target: user42, spare: [], disconnect: undefined }]],
  ],
  [
    "the anonymous, nobody else",
    "disconnect",
    {},
    [["disconnect", { target: anonymous, spare: [], disconnect: undefined }]],
  ],
  [
    "a null body is {}",
    "disconnect",
    " null\n",
    [["disconnect", { target: anonymous, spare: [], disconnect: undefined }]],
  ],
  [
    "spared connections and a code",
    "disconnect",
    { user: "42", whitelist: ["c1", "c2"], disconnect: { code: 4_500, reason: "no" } },
    [
      [
        "disconnect",
        { target: user42, spare: ["c1", "c2"], disconnect: { code: 4_500, reason: "no" } },
      ],
    ],
  ],
  [
    "pycent's default",
    "disconnect",
    { user: "42", disconnect: { code: 0, reason: "" } },
    [["disconnect", { target: user42, spare: [], disconnect: { code: 0, reason: "" } }]],
  ],
  [
    "gocent's spelling",
    "disconnect",
    '{"user":"42","Disconnect":null,"ClientWhitelist":null}',
    [["disconnect", { target: user42, spare: [], disconnect: undefined }]],
  ],
  [
    "gocent's code",
    "disconnect",
    '{"user":"42","Disconnect":{"Code":4000,"Reason":"r"}}',
    [["disconnect", { target: user42, spare: [], disconnect: { code: 4_000, reason: "r" } }]],
  ],
  [
    "a code that is no disconnect",
    "disconnect",
    { user: "42", disconnect: { code: 1_006 } },
    [],
    badRequest,
  ],
  ["a code above", "disconnect", { user: "42", disconnect: { code: 5_000 } }, [], badRequest],
  [
    "everybody",
    "disconnect",
    { all_users: true },
    [["disconnect", { target: { kind: "all" }, spare: [], disconnect: undefined }]],
  ],
  [
    "everybody narrowed by client",
    "disconnect",
    { all_users: true, client: "c" },
    [["disconnect", { target: { kind: "client", client: "c" }, spare: [], disconnect: undefined }]],
  ],
  [
    "everybody cannot be narrowed by session",
    "disconnect",
    { all_users: true, session: "s" },
    [],
    badRequest,
  ],
  ["label filter", "disconnect", { all_users: true, label_filter: { key: "a" } }, [], badRequest],
  [
    "null label filter",
    "disconnect",
    { user: "42", label_filter: null },
    [["disconnect", { target: user42, spare: [], disconnect: undefined }]],
  ],
  [
    "a user",
    "refresh",
    { user: "42" },
    [["refresh", { target: user42, expired: false, expireAt: 0, info: undefined }]],
  ],
  [
    "expired",
    "refresh",
    { user: "42", expired: true },
    [["refresh", { target: user42, expired: true, expireAt: 0, info: undefined }]],
  ],
  [
    "new expiry and info",
    "refresh",
    '{"user":"42","expire_at":1700000000,"info":{"a": 1}}',
    [["refresh", { target: user42, expired: false, expireAt: 1_700_000_000, info: '{"a": 1}' }]],
  ],
  [
    "null info",
    "refresh",
    { user: "42", info: null },
    [["refresh", { target: user42, expired: false, expireAt: 0, info: undefined }]],
  ],
  [
    "everybody",
    "refresh",
    { all_users: true },
    [["refresh", { target: { kind: "all" }, expired: false, expireAt: 0, info: undefined }]],
  ],
  [
    "of a user",
    "connections",
    { user: "42" },
    [["connections", user42]],
    '{"result":{"connections":{}}}',
  ],
  [
    "pycent's empty expression",
    "connections",
    { user: "42", expression: "" },
    [["connections", user42]],
    '{"result":{"connections":{}}}',
  ],
  ["of nobody", "connections", { user: "", expression: "" }, [], badRequest],
  ["an expression", "connections", { user: "42", expression: "true" }, [], badRequest],
  ["label filter", "connections", { user: "42", label_filter: {} }, [], badRequest],
  ["no users", "get_user_status", { users: [] }, [], badRequest],
  [
    "offline, in order, with repetition",
    "get_user_status",
    { users: ["b", "a", "b"] },
    [["usersOnline", ["b", "a"]]],
    '{"result":{"statuses":[{"user":"b"},{"user":"a"},{"user":"b"}]}}',
  ],
  ["nobody", "online_users", {}, [["usersOnline", "all"]], '{"result":{"users":[]}}'],
  ["too many", "online_users", { limit: 10_001 }, [], badRequest],
  ["fewer than none", "online_users", { limit: -1 }, [], badRequest],
  ["a cursor of somebody else", "online_users", { cursor: "x" }, [], badRequest],
];

describe("connection requests", () => {
  testRequests(rows);
});
