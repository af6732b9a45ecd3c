import { expect, test } from "bun:test";
import { createHostCheck, parseHostPattern } from "./host-check.ts";

test("without a list every host passes, and a missing one", () => {
  const check = createHostCheck({ allowedHosts: [] });
  expect([check("anything.example"), check(undefined)]).toEqual([true, true]);
});

const local = ["localhost", "127.0.0.1", "::1"];

test.each([
  [local, "localhost", true],
  [local, "localhost:8000", true],
  [local, "LOCALHOST:8000", true],
  [local, "localhost.:8000", true],
  [local, "127.0.0.1:8000", true],
  [local, "[::1]:8000", true],
  [local, "[0:0:0:0:0:0:0:1]:8000", true],
  [local, "rebound.example:8000", false],
  [local, "localhost.evil.example", false],
  [local, "127.0.0.2", false],
  [local, "", false],
  [local, undefined, false],
  [local, "localhost/", false],
  [local, "evil@localhost", false],
  [["*.example.com"], "a.example.com", true],
  [["*.example.com"], "example.com", false],
  [["*.example.com"], "evilexample.com", false],
  [["example.com:8443"], "example.com:8443", true],
  [["example.com:8443"], "example.com", false],
  [["*"], "anything", true],
] satisfies [string[], string | undefined, boolean][])(
  "%p lets %p in: %p",
  (allowedHosts, host, allowed) => {
    expect(createHostCheck({ allowedHosts })(host)).toBe(allowed);
  },
);

test.each(["", "a b", "http://a", "a/b", "*.*.a", "*.::1", "a:port"])(
  "%p is no pattern",
  (pattern) => {
    expect(parseHostPattern(pattern)).toBeUndefined();
  },
);
