import { expect, test } from "bun:test";
import { connectionLabel, type ConnectionState } from "./connection-state.ts";

test("the countdown shows whole seconds, and 0 only when the time has come", () => {
  const state: ConnectionState = {
    kind: "waiting",
    attempt: 3,
    retryAt: 10_000,
    reason: "transport closed",
  };
  expect([6_000, 6_001, 9_999, 10_000, 10_500].map((now) => connectionLabel(state, now))).toEqual([
    "Reconnecting in 4 s",
    "Reconnecting in 4 s",
    "Reconnecting in 1 s",
    "Reconnecting in 0 s",
    "Reconnecting in 0 s",
  ]);
});
