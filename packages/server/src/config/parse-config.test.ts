import { describe, expect, test } from "bun:test";
import { configOptions } from "./declaration.ts";
import { formatMistakes } from "./mistake.ts";
import { parseConfig } from "./parse-config.ts";
import type { Config } from "./declaration.ts";
import type { Mistake } from "./mistake.ts";
import type { ConfigResult } from "./parse-config.ts";

interface Given {
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly dev?: boolean;
}

function parse({ yaml, env = {}, args = [], dev = false }: Given): ConfigResult {
  return parseConfig({
    file: yaml === undefined ? undefined : { path: "s.yaml", text: yaml },
    env,
    args,
    dev,
  });
}

function configOf(given: Given): Config {
  const result = parse(given);
  if (!result.ok) throw new Error(formatMistakes(result.mistakes));
  return result.config;
}

/** The mistakes as `path (source) code`. */
function mistakesOf(given: Given): string[] {
  return listed(given).map(({ path, source, code }) => `${path} (${source}) ${code}`);
}

function listed(given: Given): readonly Mistake[] {
  const result = parse(given);
  return result.ok ? [] : result.mistakes;
}

describe("names", () => {
  test("every option has a YAML path, a variable and a flag of its own", () => {
    const options = configOptions();
    const names = options.flatMap(({ path, env, flag }) => [
      path,
      env,
      ...(flag === undefined ? [] : [flag]),
    ]);
    expect(new Set(names).size).toBe(names.length);
    for (const { option, path } of options)
      expect(`${path}: ${option.description}`).toMatch(/: [A-Z].*\.$/s);
  });

  test("the names that stay stable exist", () => {
    const variables = configOptions().map(({ env }) => env);
    const stable = [
      "HTTP_PORT",
      "HTTP_ADDRESS",
      "DATABASE_URL",
      "DATABASE_MIGRATE",
      "NODE_NAME",
      "API_KEY",
      "TOKEN_SECRET",
      "DATA_DIR",
      "ALLOWED_ORIGINS",
      "ALLOWED_HOSTS",
    ];
    for (const name of stable) expect(variables).toContain(`SWITCHYARD_${name}`);
    expect(configOf({}).http.port).toBe(8_000);
    expect(configOf({}).database.migrate).toBe(true);
  });

  test("every default passes its own type, and is read back from how it is shown", () => {
    for (const { path, option } of configOptions()) {
      for (const value of [option.default, option.devDefault]) {
        if (value === undefined || path === "channel.namespaces") continue;
        const shown = Bun.YAML.parse(option.type.show(value));
        expect({ path, parsed: option.type.parse(shown) }).toEqual({
          path,
          parsed: { ok: true, value },
        });
      }
    }
  });
});

describe("precedence", () => {
  const yaml = "http: {port: 1}";
  const env = { SWITCHYARD_HTTP_PORT: "2" };
  const args = ["--http-port", "3"];

  test("flag before variable before file before default", () => {
    expect(configOf({ yaml, env, args }).http.port).toBe(3);
    expect(configOf({ yaml, env }).http.port).toBe(2);
    expect(configOf({ yaml }).http.port).toBe(1);
    expect(configOf({}).http.port).toBe(8_000);
  });

  test("file before dev default before default", () => {
    expect(configOf({ dev: true }).log.format).toBe("pretty");
    expect(configOf({ dev: true, yaml: "log: {format: json}" }).log.format).toBe("json");
    expect(configOf({}).log.format).toBe("json");
  });

  test("the origin of each value is told", () => {
    const result = parse({
      yaml: "http:\n  port: 1\n  address: ::1\n",
      env,
      args: ["--log-level=debug"],
      dev: true,
    });
    const origins = result.ok ? result.origins : new Map<string, string>();
    const paths = ["http.address", "http.port", "log.level", "log.format", "data_dir"];
    expect(paths.map((path) => origins.get(path))).toEqual([
      "s.yaml:3",
      "SWITCHYARD_HTTP_PORT",
      "--log-level",
      "dev default",
      "default",
    ]);
  });

  test("a mistake in a value that is replaced is told all the same", () => {
    expect(mistakesOf({ yaml: "http: {port: x}", args })).toEqual([
      "http.port (s.yaml:1) invalid-value",
    ]);
  });
});

describe("sources", () => {
  test("YAML: nested sections, lists, null and empty sections as not given", () => {
    const yaml =
      "http:\ndatabase: {url: null}\nallowed_hosts: [a.example, '*.b.example']\nclient: {limits: {queue_bytes: 2MiB, pause_bytes: 4096}, ping_interval: 1m}";
    const config = configOf({ yaml });
    expect(config.allowedHosts).toEqual(["a.example", "*.b.example"]);
    expect(config.client.limits.queueBytes).toBe(2_097_152);
    expect(config.client.limits.pauseBytes).toBe(4_096);
    expect(config.client.pingIntervalMs).toBe(60_000);
    expect(configOf({ yaml: "" })).toEqual(configOf({}));
  });

  test("variables: lists by commas, JSON for namespaces, empty as not given", () => {
    const env = {
      SWITCHYARD_ALLOWED_ORIGINS: "https://a.example, https://*.b.example",
      SWITCHYARD_API_KEY: "old-old-old-old-old new-new-new-new-new",
      SWITCHYARD_DATABASE_MIGRATE: "false",
      SWITCHYARD_NODE_NAME: "",
      SWITCHYARD_CHANNEL_NAMESPACES: '[{"name":"news","presence":true}]',
      SWITCHYARD_CONFIG: "elsewhere.yaml",
      OTHER: "x",
    };
    const config = configOf({ env });
    expect(config.allowedOrigins).toEqual(["https://a.example", "https://*.b.example"]);
    expect(config.api.key).toEqual(["old-old-old-old-old", "new-new-new-new-new"]);
    expect(config.database.migrate).toBe(false);
    expect(config.node.name).toBeUndefined();
    expect(config.channel.namespaces.map(({ name, presence }) => [name, presence])).toEqual([
      ["news", true],
    ]);
  });

  test("flags: =, switches and their negation, repeated lists, the last of a repeated value", () => {
    const args = [
      "--http-port=1",
      "--http-port",
      "2",
      "--no-database-migrate",
      "--client-insecure",
      "--api-insecure",
      "false",
      "--allowed-hosts",
      "a",
      "--allowed-hosts=b,c",
    ];
    const config = configOf({ args });
    expect([
      config.http.port,
      config.database.migrate,
      config.client.insecure,
      config.api.insecure,
    ]).toEqual([2, false, true, false]);
    expect(config.allowedHosts).toEqual(["a", "b", "c"]);
  });
});

describe("mistakes", () => {
  test("all of all sources at once", () => {
    const given: Given = {
      yaml: [
        "http: {prt: 9, port: many}",
        "prot: 3",
        "client: {ping_interval: 25, limits: [1]}",
        "allowed_origins: [https://ok.example, not an origin]",
        "channel:",
        "  namespaces:",
        "    - name: a",
        "      histroy_size: 3",
        "    - name: a",
        "    - {}",
        "    - text",
        "    - name: b",
        "      force_recovery: true",
      ].join("\n"),
      env: { SWITCHYARD_HTP_PORT: "1", SWITCHYARD_DATABASE_MIGRATE: "maybe" },
      args: ["--lgo-level", "info", "--api-key", "k", "word", "--log-format", "--dev-mode"],
    };
    expect(mistakesOf(given)).toEqual([
      "http.prt (s.yaml:1) unknown-key",
      "prot (s.yaml:2) unknown-key",
      "client.limits (s.yaml:3) invalid-value",
      "SWITCHYARD_HTP_PORT (SWITCHYARD_HTP_PORT) unknown-variable",
      "--lgo-level (--lgo-level) unknown-flag",
      "--api-key (--api-key) unknown-flag",
      "arguments () unexpected-argument",
      "log.format (--log-format) missing",
      "--dev-mode (--dev-mode) unknown-flag",
      "http.port (s.yaml:1) invalid-value",
      "database.migrate (SWITCHYARD_DATABASE_MIGRATE) invalid-value",
      "allowed_origins[1] (s.yaml:4) invalid-value",
      "client.ping_interval (s.yaml:3) invalid-value",
      "channel.namespaces[0].histroy_size (s.yaml:8) unknown-key",
      "channel.namespaces[1].name (s.yaml:9) duplicate",
      "channel.namespaces[2].name (s.yaml:10) missing",
      "channel.namespaces[3] (s.yaml:11) invalid-value",
      "channel.namespaces[4].force_recovery (s.yaml:13) conflict",
    ]);
  });

  test.each([
    ["YAML", { yaml: "http: {adress: x}" }, "http.address"],
    ["YAML in another section", { yaml: "port: 1" }, "http.port"],
    ["YAML in camel case", { yaml: "allowedOrigins: []" }, "allowed_origins"],
    [
      "a namespace's option",
      { yaml: "channel: {without_namespace: {presense: true}}" },
      "channel.without_namespace.presence",
    ],
    ["a variable", { env: { SWITCHYARD_TOKN_SECRET: "x" } }, "SWITCHYARD_TOKEN_SECRET"],
    ["a flag", { args: ["--alowed-hosts", "x"] }, "--allowed-hosts"],
  ] satisfies [string, Given, string][])("the nearest name of %s", (_, given, nearest) => {
    expect(listed(given).map((mistake) => mistake.nearest)).toEqual([nearest]);
  });

  test("of a secret option are told without its value", () => {
    const yaml =
      "token: {secret: 123456789}\napi: {key: [98765]}\ndatabase: {url: 'mysql://u:hunter2@h'}";
    const text = formatMistakes(listed({ yaml }));
    expect(text).toMatch(/token\.secret.*\*\*\*/);
    expect(text).not.toMatch(/123456789|98765|hunter2/);
  });

  test("broken YAML, with its line", () => {
    expect(mistakesOf({ yaml: "http:\n  port: [1\nlog: x" })[0]).toMatch(
      /^s\.yaml \(s\.yaml:\d\) syntax$/,
    );
    expect(mistakesOf({ yaml: "http: {port: 1}\nhttp: {port: 2}" })).toEqual([
      "s.yaml (s.yaml:2) syntax",
    ]);
    expect(mistakesOf({ yaml: "- 1" })).toEqual(["the file (s.yaml) invalid-value"]);
  });
});
