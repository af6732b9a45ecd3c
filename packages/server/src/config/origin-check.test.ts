import { describe, expect, test } from "bun:test";
import { createOriginCheck, parseOriginPattern } from "./origin-check.ts";

describe("the same host and missing origins", () => {
  const check = createOriginCheck({ allowedOrigins: [] });

  test.each([
    [undefined, "example.com", true], // native clients
    ["https://example.com", "example.com", true],
    ["http://example.com", "example.com", true], // TLS may end at a proxy
    ["https://example.com", "example.com:443", true],
    ["https://EXAMPLE.com", "example.COM", true],
    ["http://localhost:8000", "localhost:8000", true],
    ["http://[::1]:8000", "[::1]:8000", true],
    ["http://localhost:8000", "localhost:8001", false],
    ["http://localhost:8000", "127.0.0.1:8000", false],
    ["https://evil.example", "example.com", false],
    ["https://example.com.evil.example", "example.com", false],
    ["null", "example.com", false],
    ["", "example.com", false],
    ["https://example.com", "", false],
    ["https://evil.example", "user@evil.example", false],
    ["https://evil.example", "evil.example/x", false],
    ["not a url", "not a url", false],
    ["file://", "", false],
  ])("%p at %p: %p", (origin, host, allowed) => expect(check(origin, host)).toBe(allowed));
});

describe("allowed_origins", () => {
  test.each([
    ["https://app.example.com", "https://app.example.com", true],
    ["https://app.example.com", "https://APP.example.com", true],
    ["https://app.example.com", "https://app.example.com:443", true],
    ["https://app.example.com", "http://app.example.com", false],
    ["https://app.example.com", "https://app.example.com:8443", false],
    ["https://app.example.com:8443", "https://app.example.com:8443", true],
    ["https://*.example.com", "https://a.example.com", true],
    ["https://*.example.com", "https://a.b.example.com", true],
    ["https://*.example.com", "https://example.com", false],
    ["https://*.example.com", "https://evilexample.com", false],
    ["https://*.example.com", "https://a.example.com.evil.example", false],
    ["http://localhost:*", "http://localhost:5173", true],
    ["http://localhost:*", "http://localhost", true],
    ["http://localhost:*", "http://localhost.evil.example", false],
    ["capacitor://localhost", "capacitor://localhost", true],
    ["http://[::1]:3000", "http://[::1]:3000", true],
    ["null", "null", true],
    ["*", "https://anything.example", true],
    ["*", "null", true],
  ])("%s lets %s in: %p", (pattern, origin, allowed) => {
    expect(createOriginCheck({ allowedOrigins: [pattern] })(origin, "server.example")).toBe(
      allowed,
    );
  });

  test.each([
    "",
    "example.com",
    "https://",
    "https://*",
    "https://a.*.com",
    "https://*.*.com",
    "https://a.example/path",
    "https://u@a.example",
    "https://a.example:99999",
    "**",
  ])("%p is no pattern", (pattern) => expect(parseOriginPattern(pattern)).toBeUndefined());
});
