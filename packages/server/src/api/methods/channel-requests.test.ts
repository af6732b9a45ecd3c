import { describe } from "bun:test";
import { badRequest, type RequestRow, testRequests } from "../harness/request-rows.ts";

const rows: RequestRow[] = [
  ["empty", "presence", { channel: "a" }, [["presence", "a"]], '{"result":{"presence":{}}}'],
  ["no channel", "presence", {}, [], badRequest],
  [
    "zeros are there",
    "presence_stats",
    { channel: "a" },
    [["presenceStats", "a"]],
    '{"result":{"num_clients":0,"num_users":0}}',
  ],
  ["no channel", "presence_stats", {}, [], badRequest],
  [
    "position only",
    "history",
    { channel: "a" },
    [["history", { channel: "a", limit: 0, since: undefined, reverse: false }]],
    '{"result":{"publications":[],"offset":0,"epoch":"e"}}',
  ],
  [
    "everything, backwards",
    "history",
    { channel: "a", limit: -1, since: { offset: 4, epoch: "x" }, reverse: true },
    [["history", { channel: "a", limit: -1, since: { offset: 4, epoch: "x" }, reverse: true }]],
    '{"result":{"publications":[],"offset":0,"epoch":"e"}}',
  ],
  [
    "since without members",
    "history",
    { channel: "a", since: [] },
    [["history", { channel: "a", limit: 0, since: { offset: 0, epoch: "" }, reverse: false }]],
    '{"result":{"publications":[],"offset":0,"epoch":"e"}}',
  ],
  ["no channel", "history", {}, [], badRequest],
  ["plain", "history_remove", { channel: "a" }, [["removeHistory", "a"]]],
  ["no channel", "history_remove", {}, [], badRequest],
  ["all", "channels", {}, [["channels", ""]], '{"result":{"channels":{}}}'],
  [
    "pattern",
    "channels",
    { pattern: "room*" },
    [["channels", "room*"]],
    '{"result":{"channels":{}}}',
  ],
  ["no nodes", "info", {}, [["info"]], '{"result":{"nodes":[]}}'],
  ["params as they are", "rpc", '{"method":"m","params":{ "a":1.0}}', [["rpc", "m", '{ "a":1.0}']]],
  ["null params", "rpc", { method: "m", params: null }, [["rpc", "m", "null"]]],
  ["no params", "rpc", { method: "m" }, [["rpc", "m", undefined]]],
  ["no method", "rpc", { params: 1 }, [], badRequest],
];

describe("channel requests", () => {
  testRequests(rows);
});
