import { expect, test } from "bun:test";
import { cutJsonText, parseJsonText, toJsonText, trustJsonText } from "./payload.ts";

test("numbers keep their digits and texts their escapes", () => {
  for (const text of ["9007199254740993", "1.0", "1e400", '"\\u00e9"', '{"a" : 1}']) {
    expect(String(parseJsonText(text))).toBe(text);
  }
});

test("what is not one JSON value is refused", () => {
  for (const text of ["", " ", "{", "1 2", "undefined", "NaN", "'a'", "\u{feff}1", '"\n"']) {
    expect(parseJsonText(text)).toBeUndefined();
  }
});

test("raw newlines become spaces, escaped ones stay", () => {
  expect(String(parseJsonText('{\r\n"a":\n"x\\ny"}'))).toBe('{  "a": "x\\ny"}');
  expect(String(trustJsonText("[1,\n2]"))).toBe("[1, 2]");
});

test("a cut value is the same whether it is copied out of a large document or not", () => {
  for (const padding of [0, 5_000]) {
    const document = `{"v":"é😀\\n","pad":"${"x".repeat(padding)}"}`;
    const start = document.indexOf(":") + 1;
    const end = document.indexOf(",");
    expect(String(cutJsonText(document, start, end))).toBe('"é😀\\n"');
  }
});

test("our own values are written on one line", () => {
  expect(String(toJsonText({ a: ["x\ny", 1] }))).toBe('{"a":["x\\ny",1]}');
});
