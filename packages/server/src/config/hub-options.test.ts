import { describe, expect, test } from "bun:test";
import { hubOptions, namespaceRules, nodeName } from "./hub-options.ts";
import { formatMistakes } from "./mistake.ts";
import { parseConfig } from "./parse-config.ts";
import type { Config } from "./declaration.ts";

function configOf(yaml: string, dev = false): Config {
  const result = parseConfig({ file: { path: "s.yaml", text: yaml }, env: {}, args: [], dev });
  if (!result.ok) throw new Error(formatMistakes(result.mistakes));
  return result.config;
}

test("the hub is given every option and limit", () => {
  const {
    client,
    limits,
    nodeName: name,
    version,
  } = hubOptions(
    configOf("node: {name: n1}\nclient: {ping_interval: 30s, limits: {connections: 9}}"),
    "1.2.3",
  );
  expect([name, version, client.pingIntervalMs, limits.connections, limits.queueBytes]).toEqual([
    "n1",
    "1.2.3",
    30_000,
    9,
    786_432,
  ]);
  expect("limits" in client).toBe(false);
});

test("a node without a name has that of the machine", () => {
  expect(nodeName(configOf(""))).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
});

describe("namespaces", () => {
  test("all permissions are closed by default, nothing is kept", () => {
    const { withoutNamespace, namespaces, privatePrefix } = namespaceRules(configOf(""));
    const open = Object.entries(withoutNamespace ?? {}).filter(([, value]) => value === true);
    expect(open).toEqual([]);
    expect([withoutNamespace?.retention, namespaces.size, privatePrefix]).toEqual([
      undefined,
      0,
      "$",
    ]);
  });

  test("history needs size and time; the pattern covers the whole name", () => {
    const yaml =
      "channel: {namespaces: [{name: a, history_size: 5, history_ttl: 1m, history_meta_ttl: 1h, channel_regex: '[a-z]+|x1'}]}";
    const options = namespaceRules(configOf(yaml)).namespaces.get("a");
    expect(options?.retention).toEqual({ size: 5, ttlMs: 60_000, metaTtlMs: 3_600_000 });
    expect(
      ["abc", "x1", "abc1", "1x1", ""].map((name) => options?.channelPattern?.test(name)),
    ).toEqual([true, true, false, false, false]);
  });

  test("a namespace takes nothing over from channels without one, and nothing from --dev", () => {
    const options = namespaceRules(
      configOf("channel: {without_namespace: {presence: true}, namespaces: [{name: a}]}", true),
    ).namespaces.get("a");
    expect([options?.presence, options?.allowSubscribeForClient, options?.retention]).toEqual([
      false,
      false,
      undefined,
    ]);
  });

  test("--dev opens the namespaces of the apps, and lets long absences recover", () => {
    const config = configOf("", true);
    const { channels, limits } = hubOptions(config, "0");
    expect([...channels.namespaces.keys()]).toEqual(["inventory", "orders", "chat", "demo"]);
    for (const options of [channels.withoutNamespace, ...channels.namespaces.values()]) {
      expect(options).toMatchObject({
        presence: true,
        joinLeave: true,
        forceRecovery: true,
        allowSubscribeForClient: true,
        allowPublishForAnonymous: true,
        allowUserLimitedChannels: true,
      });
      expect(options?.retention).toMatchObject({ size: 10_000, ttlMs: 3_600_000 });
    }
    expect(limits.recoveryPublications).toBe(10_000);
    expect([config.http.address, config.allowedOrigins, config.allowedHosts]).toEqual([
      "127.0.0.1",
      [],
      ["localhost", "127.0.0.1", "::1"],
    ]);
  });
});
