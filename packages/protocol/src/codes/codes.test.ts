import { describe, expect, test } from "bun:test";
import { closeReason, disconnects } from "./disconnect-codes.ts";
import { unsubscribes } from "./unsubscribe-codes.ts";

test("the tables are those of the protocol", () => {
  const codes = Object.values(disconnects).map(({ code, reason }) => [code, reason] as const);
  expect(codes).toEqual([
    [3000, "connection closed"],
    [3001, "shutdown"],
    [3004, "internal server error"],
    [3005, "connection expired"],
    [3006, "subscription expired"],
    [3008, "slow"],
    [3009, "write error"],
    [3010, "insufficient state"],
    [3011, "force reconnect"],
    [3012, "no pong"],
    [3013, "too many requests"],
    [3014, "state invalidated"],
    [3500, "invalid token"],
    [3501, "bad request"],
    [3502, "stale"],
    [3503, "force disconnect"],
    [3504, "connection limit"],
    [3505, "channel limit"],
    [3506, "inappropriate protocol"],
    [3507, "permission denied"],
    [3508, "not available"],
    [3509, "too many errors"],
    [1009, "message too big"],
  ]);
  expect(Object.values(unsubscribes).map(({ code, reason }) => [code, reason] as const)).toEqual([
    [2000, "server unsubscribe"],
    [2500, "insufficient state"],
    [2501, "subscription expired"],
    [2502, "state invalidated"],
  ]);
});

describe("a close reason is at most 123 bytes", () => {
  const bytes = (text: string): number => new TextEncoder().encode(text).length;

  test("short ones stay", () => {
    expect(closeReason("")).toBe("");
    expect(closeReason("x".repeat(123))).toBe("x".repeat(123));
    expect(closeReason("é".repeat(61))).toBe("é".repeat(61));
  });

  test("long ones are cut between characters", () => {
    expect(closeReason("x".repeat(124))).toBe("x".repeat(123));
    expect(closeReason("é".repeat(62))).toBe("é".repeat(61));
    expect(closeReason("€".repeat(42))).toBe("€".repeat(41));
    for (let lead = 0; lead < 5; lead += 1) {
      const cut = closeReason("x".repeat(lead) + "😀".repeat(40));
      expect(bytes(cut)).toBeLessThanOrEqual(123);
      expect(bytes(cut)).toBeGreaterThan(119);
      expect(cut).not.toContain("\u{fffd}");
      expect(cut).toBe("x".repeat(lead) + "😀".repeat((bytes(cut) - lead) / 4));
    }
  });
});
