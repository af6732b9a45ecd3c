import { expect, test } from "bun:test";
import { decodeBase64 } from "./base64.ts";

test.each([
  ["", []],
  ["AA==", [0]],
  ["AAE=", [0, 1]],
  ["AAEC", [0, 1, 2]],
  ["+/+/", [0xfb, 0xff, 0xbf]],
  ["AA\r\nEC\n", [0, 1, 2]],
])("%p", (text, bytes) => {
  expect(decodeBase64(text)).toEqual(new Uint8Array(bytes));
});

test.each([
  "A",
  "AA",
  "AAA",
  "AA=",
  "A===",
  "====",
  "=",
  "AA==AA==",
  "A=A=",
  "-_-_",
  "AA EC",
  "AAé=",
  "AAEC\0",
  "AAEC AAEC",
])("refuses %p", (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test("gives a buffer of its own", () => {
  expect(decodeBase64("AAEC")?.buffer.byteLength).toBe(3);
});
