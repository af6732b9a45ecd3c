import { expect, test } from "bun:test";
import { percentEncode } from "./percent-encode.ts";

test.each([
  ["AZaz09_.-", "AZaz09_.-"],
  ["a b", "a%20b"],
  ["!'()*~", "%21%27%28%29%2A%7E"],
  [":#$,/%{}", "%3A%23%24%2C%2F%25%7B%7D"],
  ["é€😀", "%C3%A9%E2%82%AC%F0%9F%98%80"],
  ["\n\0", "%0A%00"],
])("encodes %p", (value, expected) => {
  expect(percentEncode(value)).toBe(expected);
  expect(decodeURIComponent(percentEncode(value))).toBe(value);
});

test("half a surrogate pair is replaced", () => {
  expect(percentEncode("a\ud800b")).toBe("a%EF%BF%BDb");
});

test("leaves alone what the rule names and no other character of ASCII", () => {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  expect(ascii.filter((character) => percentEncode(character) === character).join("")).toBe(
    "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
  );
});
