import { expect, test } from "bun:test";
import { formatTable, ratio, whole } from "./report.ts";

test("a table has aligned columns and takes notes of any length and several lines", () => {
  const rows = [
    ["a", "1", ""],
    ["longer", "1,234", "failed:\n  why"],
  ];
  expect(formatTable("Title", ["name", "n", "notes"], rows).split("\n")).toEqual([
    "",
    "Title",
    "name        n  notes",
    "------  -----  -----",
    "a           1",
    "longer  1,234  failed: why",
    "",
  ]);
});

test("numbers are grouped, and a ratio needs both sides", () => {
  expect(whole(1_234_567.8)).toBe("1,234,568");
  expect([ratio(3, 2), ratio(undefined, 2), ratio(3, undefined), ratio(3, 0)]).toEqual([
    "1.50×",
    "–",
    "–",
    "–",
  ]);
});
