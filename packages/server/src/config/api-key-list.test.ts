import { describe, expect, test } from "bun:test";
import type { Config } from "./declaration.ts";
import { formatMistakes } from "./mistake.ts";
import { type ConfigResult, parseConfig } from "./parse-config.ts";
import { renderEffective } from "./render-options.ts";

const shop = { name: "shop", key: "shop-key", scopes: ["publish:orders.*", "read"] };

function parse(keys: unknown): ConfigResult {
  const text = JSON.stringify({ api: { keys } });
  return parseConfig({ file: { path: "s.yaml", text }, env: {}, args: [], dev: false });
}

function keysOf(result: ConfigResult): Config["api"]["keys"] {
  if (!result.ok) throw new Error(formatMistakes(result.mistakes));
  return result.config.api.keys;
}

const read: Config["api"]["keys"] = [
  {
    name: "shop",
    key: "shop-key",
    grants: [
      { scope: "publish", names: "orders.*" },
      { scope: "read", names: undefined },
    ],
  },
];

test("keys of the file, and of a variable as JSON", () => {
  expect(keysOf(parse([shop]))).toEqual(read);
  const env = { SWITCHYARD_API_KEYS: JSON.stringify([shop]) };
  expect(keysOf(parseConfig({ file: undefined, env, args: [], dev: false }))).toEqual(read);
});

test("none by default, and not as a flag", () => {
  const plain = parseConfig({ file: undefined, env: {}, args: [], dev: false });
  expect(keysOf(plain)).toEqual([]);
  const flag = ["--api-keys", JSON.stringify([shop])];
  expect(parseConfig({ file: undefined, env: {}, args: flag, dev: false }).ok).toBe(false);
});

test("the effective configuration does not show them", () => {
  const result = parse([shop]);
  if (!result.ok) throw new Error("not read");
  const text = renderEffective(result.config, result.origins);
  expect(text).toContain('  keys: "***" # s.yaml:1\n');
  expect(text).not.toContain("shop-key");
});

describe("mistakes", () => {
  test.each([
    ["no list", "shop-key", "api.keys invalid-value"],
    ["no mapping", ["shop-key"], "api.keys[0] invalid-value"],
    ["no name", [{ ...shop, name: undefined }], "api.keys[0].name missing"],
    ["a name with a space", [{ ...shop, name: "a b" }], "api.keys[0].name invalid-value"],
    ["no key", [{ ...shop, key: undefined }], "api.keys[0].key missing"],
    ["a number as key", [{ ...shop, key: 12_345 }], "api.keys[0].key invalid-value"],
    ["no scopes", [{ ...shop, scopes: [] }], "api.keys[0].scopes invalid-value"],
    [
      "an unknown scope",
      [{ ...shop, scopes: ["read", "publsh"] }],
      "api.keys[0].scopes[1] invalid-value; publish",
    ],
    ["an unknown member", [{ ...shop, scope: ["read"] }], "api.keys[0].scope unknown-key; scopes"],
    ["a name twice", [shop, { ...shop, key: "other" }], "api.keys[1].name duplicate"],
    ["a key twice", [shop, { ...shop, name: "other" }], "api.keys[1].key duplicate"],
  ])("%s", (_, keys, mistake) => {
    const result = parse(keys);
    const told = result.ok ? [] : result.mistakes;
    expect(
      told.map(({ path, code, nearest }) => `${path} ${code}${nearest ? `; ${nearest}` : ""}`),
    ).toEqual([mistake]);
    expect(formatMistakes(told)).not.toContain("shop-key");
  });
});
