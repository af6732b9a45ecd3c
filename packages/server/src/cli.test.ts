import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { decodeJwt } from "jose";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock, RecordingLog } from "@switchyard/testkit";
import { createAuthenticator } from "./auth/authenticator.ts";
import { runCli } from "./cli.ts";
import { loadSecrets } from "./config/secrets.ts";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-cli-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  let out = "";
  let notes = "";
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    note: (text) => {
      notes += text;
    },
    env,
    cwd: folder,
  });
  return { code, out, notes };
}

describe("the frame", () => {
  test("--version, --help, and help for every command", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, out: "0.1.0\n", notes: "" });
    const { out } = await run(["--help"]);
    for (const command of ["serve", "token", "config", "db", "replay"]) {
      expect(out).toContain(`  ${command} `);
      const help = await run([command, "--help"]);
      expect({ command, code: help.code, notes: help.notes }).toEqual({
        command,
        code: 0,
        notes: "",
      });
      expect(help.out).toStartWith(`switchyard ${command}`);
    }
    expect((await run(["serve", "--help"])).out).toContain("--http-port <integer>");
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    [["tokn"], /no command tokn\. Did you mean token\?/],
    [["completely-else"], /no command completely-else\.\n/],
    [[], /switchyard <command>/],
    [["config"], /needs one of check, print, docs/],
    [["config", "chekc"], /Did you mean switchyard config check\?/],
    [["config", "docs", "--writ", "x"], /does not know --writ/],
    [["db"], /needs the name/],
    [["db", "url"], /needs the name/],
    [["db", "url", "--dev"], /needs the name/],
    [["token", "--user"], /--user needs a value/],
    [["token", "--exp", "5"], /--exp needs a duration/],
    [["token", "--info", "{"], /--info needs JSON/],
    [["token", "--client", "c"], /--client needs --channel/],
    [["token", "--channel", "c", "--channels", "a"], /--channels belongs to a connection token/],
    [["token", "--channel", "c", "--caps", "[]"], /--caps belongs to a connection token/],
    [["token", "--caps", "{"], /--caps needs JSON/],
    [["token", "--caps", '[{"queues":["a"],"allow":["consum"]}]'], /--caps: 0\.allow\.0: /],
  ])("%p is used wrongly", async (args, note) => {
    const { code, out, notes } = await run(args);
    expect([code, out]).toEqual([2, ""]);
    expect(notes).toMatch(note);
  });

  test("as a process: exit code, output and messages apart", async () => {
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "cli.ts"), "config", "check", "--http-prot", "1"],
      { cwd: folder, stdout: "pipe", stderr: "pipe", env: {} },
    );
    const [out, notes, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    expect([code, out]).toEqual([1, ""]);
    expect(notes).toContain("did you mean --http-port?");
  });
});

describe("config check", () => {
  test("tells all mistakes of file, variables and flags at once", async () => {
    await writeFile(join(folder, "my.yaml"), "http: {prt: 1}\nclient: {pong_timeout: 30s}\n");
    const { code, out, notes } = await run(
      ["config", "check", "--config", "my.yaml", "--htp-port", "1"],
      { SWITCHYARD_DATABASE_MIGRATE: "maybe" },
    );
    expect([code, out]).toEqual([1, ""]);
    for (const part of [
      "http.prt (my.yaml:1)",
      "client.pong_timeout (my.yaml:2)",
      "--htp-port",
      "database.migrate (SWITCHYARD_DATABASE_MIGRATE)",
      "4 mistakes",
    ])
      expect(notes).toContain(part);
  });

  test("reads switchyard.yaml in this folder, or what SWITCHYARD_CONFIG or --config names", async () => {
    const port = async (args: readonly string[], env = {}): Promise<string> =>
      /^ {2}port: (\d+)/m.exec((await run(["config", "print", ...args], env)).out)?.[1] ?? "";
    expect(await port([])).toBe("8000");
    await writeFile(join(folder, "switchyard.yaml"), "http: {port: 1}");
    await writeFile(join(folder, "env.yaml"), "http: {port: 2}");
    await writeFile(join(folder, "flag.yaml"), "http: {port: 3}");
    expect(await port([])).toBe("1");
    expect(await port([], { SWITCHYARD_CONFIG: "env.yaml" })).toBe("2");
    expect(await port(["--config=flag.yaml"], { SWITCHYARD_CONFIG: "env.yaml" })).toBe("3");
  });

  test("a named file that is not there is a mistake among the others", async () => {
    const { code, notes } = await run([
      "config",
      "check",
      "--config",
      "missing.yaml",
      "--htp-port",
      "1",
    ]);
    expect(code).toBe(1);
    expect(notes).toMatch(/missing\.yaml \(--config\): unreadable: given ENOENT/);
    expect(notes).toContain("2 mistakes");
  });

  test("warnings are told beside success", async () => {
    const { code, out, notes } = await run(["config", "check", "--client-insecure"]);
    expect([code, out]).toEqual([0, "There is no file; flags and variables are right.\n"]);
    expect(notes).toStartWith("warning: client.insecure: EVERY CLIENT");
  });
});

describe("token", () => {
  test("without the server's secret it makes none of its own", async () => {
    const { code, out, notes } = await run(["token", "--user", "42"]);
    expect([code, out]).toEqual([1, ""]);
    expect(notes).toContain("Start the server once");
    expect(existsSync(join(folder, "data", "secrets.json"))).toBe(false);
  });

  test("prints one that the server's authenticator takes, signed with the generated secret", async () => {
    await loadSecrets(join(folder, "data")); // as the server does at its first start
    const { code, out, notes } = await run([
      "token",
      "--user",
      "42",
      "--info",
      '{"n":9007199254740993}',
      "--exp",
      "10m",
      "--channels",
      "a,b",
      "--caps",
      '[{"queues":["tasks"],"allow":["consume"]}]',
    ]);
    expect([code, notes]).toEqual([0, ""]);
    const { tokenSecret } = await loadSecrets(join(folder, "data"));
    const keys = {
      secret: tokenSecret,
      rsaPublicKey: undefined,
      ecdsaPublicKey: undefined,
      jwksUrl: [],
      audience: undefined,
      issuer: undefined,
    };
    const result = await createAuthenticator(keys, {
      clock: new FakeClock(Date.now()),
      log: new RecordingLog(),
    }).connection(out.trim());
    expect(result).toMatchObject({
      kind: "valid",
      claims: {
        user: "42",
        info: '{"n":9007199254740993}',
        capabilities: [{ kind: "queues", patterns: ["tasks"], match: "exact" }],
      },
    });
    expect(result.kind === "valid" ? [...result.claims.subscriptions.keys()] : []).toEqual([
      "a",
      "b",
    ]);
    const { exp = 0, iat = 0 } = decodeJwt(out.trim());
    expect(exp - iat).toBe(600);
  });

  test("of a subscription, with audience and issuer of the configuration", async () => {
    const args = [
      "token",
      "--user=42",
      "--channel",
      "a:b",
      "--client",
      "c",
      "--exp",
      "0",
      "--id",
      "j",
      "--token-audience",
      "app",
      "--token-issuer",
      "me",
    ];
    const { out } = await run(args, {
      SWITCHYARD_TOKEN_SECRET: "s".repeat(32),
      SWITCHYARD_API_KEY: "k".repeat(32),
    });
    const { iat: _, ...claims } = decodeJwt(out.trim());
    expect(claims).toEqual({
      sub: "42",
      jti: "j",
      aud: "app",
      iss: "me",
      channel: "a:b",
      client: "c",
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("needs a secret, and a safe file", async () => {
    const jwks = await run(["token"], { SWITCHYARD_TOKEN_JWKS_URL: "https://issuer.example/jwks" });
    expect(jwks.code).toBe(1);
    expect(jwks.notes).toContain("has no token.secret");
    await loadSecrets(join(folder, "data"));
    await chmod(join(folder, "data", "secrets.json"), 0o644);
    const open = await run(["token"]);
    expect([open.code, open.out]).toEqual([1, ""]);
    expect(open.notes).toContain("chmod 600");
  });
});

test("db url says how to go on when no database runs", async () => {
  await mkdir(join(folder, "data"));
  const { code, out, notes } = await run(["db", "url", "shop"]);
  expect([code, out]).toEqual([1, ""]);
  expect(notes).toContain("start switchyard serve first");
});

test("serve tells mistakes before it starts anything", async () => {
  const { code, notes } = await run(["serve", "--dev", "--http-address", "0.0.0.0"]);
  expect(code).toBe(1);
  expect(notes).toContain("http.address (--http-address): unsafe");
  expect(await readdir(folder)).toEqual([]);
});
