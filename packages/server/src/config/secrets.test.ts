import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSecrets, resolveSecrets, SecretsError } from "./secrets.ts";
import { parseConfig } from "./parse-config.ts";
import type { Config } from "./declaration.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-secrets-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (): string => join(folder, "data", "secrets.json");
const load = (): ReturnType<typeof loadSecrets> => loadSecrets(join(folder, "data"));

async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecretsError);
  return String(error);
}

describe("the file", () => {
  test("is made on the first call with 32 random bytes each and mode 0600, and read on the next", async () => {
    const first = await load();
    expect(Buffer.from(first.apiKey, "base64url").length).toBe(32);
    expect(Buffer.from(first.tokenSecret, "base64url").length).toBe(32);
    expect(first.apiKey).not.toBe(first.tokenSecret);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, "data"))).toEqual(["secrets.json"]);
    expect(await load()).toEqual(first);
  });

  test("is the same for all who start at once", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, load));
    expect(new Set(all.map((secrets) => secrets.apiKey)).size).toBe(1);
    expect(await readdir(join(folder, "data"))).toEqual(["secrets.json"]);
  });

  test.each([0o640, 0o604, 0o660, 0o644])(
    "is refused with mode %o, with the command that mends it",
    async (mode) => {
      await load();
      await chmod(file(), mode);
      expect(await failure(load())).toContain(`chmod 600 ${file()}`);
      await chmod(file(), 0o600);
      await load();
    },
  );

  test.each([
    "",
    "{",
    "null",
    '{"version":2}',
    '{"version":1,"apiKey":"short","tokenSecret":"short"}',
  ])("is refused when it holds %p, and stays as it is", async (text) => {
    const { apiKey } = await load();
    await writeFile(file(), text);
    const message = await failure(load());
    expect(message).toContain("damaged");
    expect(message).not.toContain(apiKey);
    expect(await readFile(file(), "utf8")).toBe(text);
  });

  test("cannot be made where the data directory is a file", async () => {
    await writeFile(join(folder, "data"), "");
    expect(await failure(load())).toMatch(/cannot be (read|written)/);
  });
});

describe("a configuration", () => {
  function configOf(env: Readonly<Record<string, string>>, dev = false): Config {
    const result = parseConfig({
      file: undefined,
      env: { ...env, SWITCHYARD_DATA_DIR: join(folder, "data") },
      args: [],
      dev,
    });
    if (!result.ok) throw new Error("not read");
    return result.config;
  }
  const given = { SWITCHYARD_API_KEY: "k".repeat(32), SWITCHYARD_TOKEN_SECRET: "s".repeat(32) };

  test("with both secrets touches no file", async () => {
    const config = configOf(given);
    expect(await resolveSecrets(config)).toBe(config);
    expect(await readdir(folder)).toEqual([]);
  });

  test("keeps what it has and gets the rest", async () => {
    const config = await resolveSecrets(configOf({ SWITCHYARD_API_KEY: given.SWITCHYARD_API_KEY }));
    expect([config.api.key, config.token.secret]).toEqual([
      [given.SWITCHYARD_API_KEY],
      (await load()).tokenSecret,
    ]);
  });

  test("with other token keys gets no token secret, except under --dev", async () => {
    const env = { SWITCHYARD_TOKEN_JWKS_URL: "https://issuer.example/jwks" };
    expect((await resolveSecrets(configOf(env))).token.secret).toBeUndefined();
    expect((await resolveSecrets(configOf(env, true))).token.secret).toBe(
      (await load()).tokenSecret,
    );
  });
});
