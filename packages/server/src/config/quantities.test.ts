import { expect, test } from "bun:test";
import { formatDuration, formatSize, parseDuration, parseSize } from "./quantities.ts";

test.each([
  ["0", 0],
  ["250ms", 250],
  ["25s", 25_000],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["1h30m", 5_400_000],
  ["1.5s", 1_500],
  ["30d", 2_592_000_000],
  ["25", undefined],
  ["", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["1 s", undefined],
  ["1y", undefined],
  ["1e3s", undefined],
])("duration %p is %p ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each([
  ["0", 0],
  ["4096", 4_096],
  ["4096B", 4_096],
  ["64KiB", 65_536],
  ["64 KiB", 65_536],
  ["1MiB", 1_048_576],
  ["1.5MiB", 1_572_864],
  ["2GB", 2_000_000_000],
  ["0.3B", undefined],
  ["64kib", undefined],
  ["-1", undefined],
  ["", undefined],
  ["999999999999GiB", undefined],
])("size %p is %p bytes", (text, bytes) => expect(parseSize(text)).toBe(bytes));

test("what is formatted is read back as the same", () => {
  for (const value of [0, 1, 250, 1_000, 1_500, 60_000, 3_600_000, 5_400_000, 86_400_000]) {
    expect(parseDuration(formatDuration(value))).toBe(value);
    expect(parseSize(formatSize(value * 1_024))).toBe(value * 1_024);
    expect(parseSize(formatSize(value))).toBe(value);
  }
  expect([
    formatDuration(90_000),
    formatDuration(7_200_000),
    formatSize(65_536),
    formatSize(1_000),
  ]).toEqual(["90s", "2h", "64KiB", "1000"]);
});
