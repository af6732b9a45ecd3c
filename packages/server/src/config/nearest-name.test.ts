import { describe, expect, test } from "bun:test";
import { editDistance, nearestName } from "./nearest-name.ts";

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "", 3],
    ["history", "histroy", 1], // a swap of neighbours is one mistake
    ["ca", "abc", 3],
    ["kitten", "sitting", 3],
  ])("%s → %s is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearestName", () => {
  const known = ["history_size", "history_ttl", "presence", "port"];

  test.each([
    ["histroy_size", "history_size"],
    ["historySize", "history_size"],
    ["history-size", "history_size"],
    ["PRESENCE", "presence"],
    ["prot", "port"],
  ])("%s is meant to be %s", (given, nearest) => expect(nearestName(given, known)).toBe(nearest));

  test("is undefined when nothing is near, and for input of any length", () => {
    expect(nearestName("completely_different", known)).toBeUndefined();
    expect(nearestName("x", known)).toBeUndefined();
    expect(nearestName("history_size".repeat(100_000), known)).toBeUndefined();
  });
});
