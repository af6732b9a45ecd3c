import { describe, expect, test } from "bun:test";
import { formatMistakes } from "./mistake.ts";
import { parseConfig } from "./parse-config.ts";
import type { ConfigResult } from "./parse-config.ts";

function parse(yaml: string, dev = false): ConfigResult {
  return parseConfig({ file: { path: "s.yaml", text: yaml }, env: {}, args: [], dev });
}

function conflictsOf(yaml: string, dev = false): string[] {
  const result = parse(yaml, dev);
  return result.ok ? [] : result.mistakes.map(({ path, code }) => `${path} ${code}`);
}

const bare = (options: string): string => `channel: {without_namespace: {${options}}}`;

describe("mistakes between options", () => {
  test.each([
    ["client: {ping_interval: 5s}", "client.pong_timeout conflict"],
    ["client: {pong_timeout: 25s}", "client.pong_timeout conflict"],
    ["client: {limits: {queue_bytes: 256KiB}}", "client.limits.pause_bytes conflict"],
    ["client: {limits: {frame_bytes: 32KiB}}", "client.limits.frame_bytes_before_connect conflict"],
    ["shutdown: {spread: 20s}", "shutdown.spread conflict"],
    ["http: {internal_port: 8000}", "http.internal_port conflict"],
    [bare("history_size: 10"), "channel.without_namespace.history_ttl missing"],
    [bare("history_ttl: 10s"), "channel.without_namespace.history_size missing"],
    [
      bare("history_size: 10, history_ttl: 10s, history_meta_ttl: 5s"),
      "channel.without_namespace.history_meta_ttl conflict",
    ],
    [bare("allow_recovery: true"), "channel.without_namespace.allow_recovery conflict"],
    [bare("force_recovery: true"), "channel.without_namespace.force_recovery conflict"],
    [bare("allow_positioning: true"), "channel.without_namespace.allow_positioning conflict"],
    [
      bare("force_push_join_leave: true"),
      "channel.without_namespace.force_push_join_leave conflict",
    ],
    [bare("auto_cache_recover: true"), "channel.without_namespace.auto_cache_recover conflict"],
    ["client: {personal_prefix: 'user:'}", "client.personal_prefix conflict"],
    ["channel: {namespaces: [{name: a}, {name: a}]}", "channel.namespaces[1].name duplicate"],
  ])("%s", (yaml, conflict) => expect(conflictsOf(yaml)).toEqual([conflict]));

  const told = (yaml: string): string => {
    const result = parse(yaml);
    return result.ok ? "" : (formatMistakes(result.mistakes).split("\n")[0] ?? "");
  };

  test.each([
    [
      "client:\n  ping_interval: 5s",
      "client.pong_timeout (default): conflict: 8s, expected less than client.ping_interval (5s, s.yaml:2)",
    ],
    [
      "client:\n  pong_timeout: 25s",
      "client.pong_timeout (s.yaml:2): conflict: given 25s, expected less than client.ping_interval (25s, default)",
    ],
    [
      "client:\n  ping_interval: 5s\n  pong_timeout: 6s",
      "client.pong_timeout (s.yaml:3): conflict: given 6s, expected less than client.ping_interval (5s, s.yaml:2)",
    ],
    [
      "channel:\n  without_namespace:\n    history_size: 10",
      "channel.without_namespace.history_ttl: missing: expected a duration above 0 because of channel.without_namespace.history_size (10, s.yaml:3)",
    ],
    [
      "channel:\n  namespaces:\n    - name: a\n      history_size: 10\n      history_ttl: 90d",
      "channel.namespaces[0].history_meta_ttl (default): conflict: 720h, expected at least channel.namespaces[0].history_ttl (2160h, s.yaml:5)",
    ],
    [
      "channel:\n  namespaces:\n    - name: a\n      history_size: 10",
      "channel.namespaces[0].history_ttl: missing: expected a duration above 0 because of channel.namespaces[0].history_size (10, s.yaml:4)",
    ],
    [
      "channel:\n  namespaces:\n    - name: a\n      allow_recovery: true",
      "channel.namespaces[0].allow_recovery (s.yaml:4): conflict: given true, expected history_size and history_ttl to be set: without history there is nothing to recover from",
    ],
  ])("say of each value where it came from: %p", (yaml, line) => expect(told(yaml)).toBe(line));

  test("say it of namespaces in a variable too", () => {
    const list = '[{"name":"a","history_size":10,"history_ttl":"90d","history_meta_ttl":null}]';
    const env = { SWITCHYARD_CHANNEL_NAMESPACES: list };
    const result = parseConfig({ file: undefined, env, args: [], dev: false });
    expect(formatMistakes(result.ok ? [] : result.mistakes)).toStartWith(
      "channel.namespaces[0].history_meta_ttl (default): conflict: 720h, expected at least channel.namespaces[0].history_ttl (2160h, SWITCHYARD_CHANNEL_NAMESPACES)\n",
    );
  });

  test("are not told when one side could not be read: the other is then compared with a default", () => {
    expect(conflictsOf("client: {ping_interval: 5s, pong_timeout: soon}")).toEqual([
      "client.pong_timeout invalid-value",
    ]);
    expect(conflictsOf(bare("history_size: 10, history_ttl: 10"))).toEqual([
      "channel.without_namespace.history_ttl invalid-value",
    ]);
  });

  test("the right neighbours of these are no mistakes", () => {
    expect(conflictsOf("client: {ping_interval: 5s, pong_timeout: 4s}")).toEqual([]);
    expect(
      conflictsOf(
        bare("history_size: 10, history_ttl: 10s, force_recovery: true, allow_positioning: true"),
      ),
    ).toEqual([]);
    expect(
      conflictsOf("client: {personal_prefix: 'user:'}\nchannel: {namespaces: [{name: user}]}"),
    ).toEqual([]);
  });
});

describe("--dev", () => {
  test("listens on loopback only", () => {
    expect(conflictsOf("http: {address: 0.0.0.0}", true)).toEqual(["http.address unsafe"]);
    expect(
      conflictsOf("http: {address: 192.168.1.2, internal_port: 1, internal_address: '::'}", true),
    ).toEqual(["http.address unsafe", "http.internal_address unsafe"]);
    for (const address of ["127.0.0.1", "127.9.9.9", "'::1'", "localhost"])
      expect(conflictsOf(`http: {address: ${address}}`, true)).toEqual([]);
    expect(conflictsOf("http: {address: 0.0.0.0}")).toEqual([]);
  });

  test("what it switched on goes quietly when what that needs is switched off", () => {
    expect(conflictsOf(bare("history_size: 0"), true)).toEqual([]);
    expect(conflictsOf(bare("history_ttl: 0s, presence: false, join_leave: false"), true)).toEqual(
      [],
    );
    expect(
      conflictsOf(bare("history_size: 0, history_ttl: 0s, force_recovery: true"), true),
    ).toEqual(["channel.without_namespace.force_recovery conflict"]);
  });
});

describe("warnings", () => {
  function warned(yaml: string, dev = false): string[] {
    return parse(yaml, dev).warnings.map(({ path }) => path);
  }

  test.each([
    ["client: {insecure: true}", "client.insecure"],
    ["api: {insecure: true}", "api.insecure"],
    ["allowed_origins: '*'", "allowed_origins"],
    ["allowed_origins: 'null'", "allowed_origins"],
    ["trusted_gateway: {addresses: [0.0.0.0/0]}", "trusted_gateway.addresses"],
    ["token: {secret: short}", "token.secret"],
    ["api: {key: short}", "api.key"],
    ["token: {jwks_url: 'http://issuer.example/jwks'}", "token.jwks_url"],
    [bare("allow_presence_for_client: true"), "channel.without_namespace"],
    [bare("allow_history_for_client: true"), "channel.without_namespace"],
    [
      bare("history_size: 20000, history_ttl: 1h, force_recovery: true"),
      "channel.without_namespace.history_size",
    ],
  ])("%s", (yaml, path) => expect(warned(yaml)).toEqual([path]));

  test("the defaults give none, nor does --dev", () => {
    expect(warned("")).toEqual([]);
    expect(warned("", true)).toEqual([]);
    expect(warned("client: {insecure: true}", true)).toEqual([]);
    expect(
      warned(
        "token: {jwks_url: ['https://issuer.example/jwks', 'http://127.0.0.1:1/jwks', 'http://[::1]/']}",
      ),
    ).toEqual([]);
  });
});
