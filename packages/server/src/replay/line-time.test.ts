import { expect, test } from "bun:test";
import { parseLineTime } from "./line-time.ts";
import type { TimeFormat } from "./line-time.ts";

const cases: readonly (readonly [string, TimeFormat, string | undefined])[] = [
  ["01-12-10 8:26", "auto", "2010-12-01T08:26:00.000Z"],
  [" 01-12-10 08:26:59 ", "auto", "2010-12-01T08:26:59.000Z"],
  ["1-2-69 0:00", "DD-MM-YY H:MM", "2069-02-01T00:00:00.000Z"],
  ["1-2-70 0:00", "DD-MM-YY H:MM", "1970-02-01T00:00:00.000Z"],
  ["29-02-12 23:59", "auto", "2012-02-29T23:59:00.000Z"],
  ["29-02-11 23:59", "auto", undefined],
  ["01-13-10 8:26", "auto", undefined],
  ["01-12-10 24:00", "auto", undefined],
  ["01-12-10 8:60", "auto", undefined],
  ["01-12-10", "auto", undefined],
  ["12/1/2010 8:26", "auto", undefined],
  ["", "auto", undefined],
  ["2010-12-01T08:26:00Z", "auto", "2010-12-01T08:26:00.000Z"],
  ["2010-12-01 08:26", "ISO", "2010-12-01T08:26:00.000Z"],
  ["2010-12-01", "ISO", "2010-12-01T00:00:00.000Z"],
  ["2010-12-01T08:26:00.5+01:30", "ISO", "2010-12-01T06:56:00.500Z"],
  ["2010-12-01T08:26:00,123456789-0800", "ISO", "2010-12-01T16:26:00.123Z"],
  ["2010-12-01T08:26+24:00", "ISO", undefined],
  ["2010-02-30T08:26:00Z", "ISO", undefined],
  ["0050-01-01", "ISO", "0050-01-01T00:00:00.000Z"],
  ["01-12-10 8:26", "ISO", undefined],
  ["2010-12-01", "DD-MM-YY H:MM", undefined],
];

test.each(cases)("%p as %s", (text, format, expected) => {
  const time = parseLineTime(text, format);
  expect(time === undefined ? undefined : new Date(time).toISOString()).toBe(expected);
});
