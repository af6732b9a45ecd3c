import { expect, test } from "bun:test";
import { join } from "node:path";
import { configOptions } from "./declaration.ts";
import { parseConfig } from "./parse-config.ts";
import { maskPassword, renderDocs, renderEffective, renderFlags } from "./render-options.ts";

const page = join(import.meta.dir, "../../../../docs/configuration.md");

test("docs/configuration.md is what `switchyard config docs --write docs/configuration.md` writes", async () => {
  expect(await Bun.file(page).text()).toBe(renderDocs());
});

test("help and page name every option", () => {
  const flags = renderFlags();
  const docs = renderDocs();
  for (const { path, env, flag } of configOptions()) {
    expect(flags).toContain(flag ?? env);
    expect(docs).toContain(`### \`${path}\`\n`);
  }
});

const secrets = {
  SWITCHYARD_API_KEY: "api-key-api-key-api-key",
  SWITCHYARD_TOKEN_SECRET: "token-secret-token-secret-token-secret",
  SWITCHYARD_DATABASE_URL: "postgres://u:hunter2@db.example/x",
};

test("the effective configuration is YAML that gives the same configuration again, without secrets", () => {
  const yaml =
    "channel: {namespaces: [{name: a, history_size: 3, history_ttl: 1h, channel_regex: 'x: #y'}]}\nnode: {name: 'true'}\nclient: {personal_prefix: '&'}";
  const first = parseConfig({
    file: { path: "s.yaml", text: yaml },
    env: secrets,
    args: [],
    dev: false,
  });
  if (!first.ok) throw new Error("not read");
  const text = renderEffective(first.config, first.origins);
  expect(text).not.toMatch(/api-key|token-secret-|hunter2/);
  expect(text).toContain('  key: "***" # SWITCHYARD_API_KEY\n');
  expect(text).toContain("  port: 8000 # default\n");
  expect(text).toContain("postgres://u:***@db.example/x");

  const second = parseConfig({
    file: { path: "s.yaml", text },
    env: secrets,
    args: [],
    dev: false,
  });
  expect(second.ok ? second.config : second.mistakes).toEqual(first.config);
});

test("passwords are masked wherever a URL carries them", () => {
  expect(maskPassword("postgres://u:p@h/d")).toBe("postgres://u:***@h/d");
  expect(maskPassword("postgres://h/d?password=p&x=1")).toBe("postgres://h/d?password=***&x=1");
  expect(maskPassword("postgres://h/d")).toBe("postgres://h/d");
  expect(maskPassword("no url: p")).toBe("***");
});
