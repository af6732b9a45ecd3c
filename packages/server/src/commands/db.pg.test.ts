import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedPostgres } from "@switchyard/postgres";
import { runCli } from "../cli.ts";

setDefaultTimeout(30_000);

let folder = "";
let server: EmbeddedPostgres;
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-db-"));
  // Under root, PostgreSQL runs as another user, who must be able to pass.
  await chmod(folder, 0o755);
  const dataDir = join(folder, "data");
  server = new EmbeddedPostgres({
    directory: join(dataDir, "postgres"),
    ownFolderAbove: dataDir,
    log: silent,
  });
  await server.start();
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function url(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; notes: string }> {
  let out = "";
  let notes = "";
  const io = {
    out: (text: string) => {
      out += text;
    },
    note: (text: string) => {
      notes += text;
    },
    env,
    cwd: folder,
  };
  return { code: await runCli(["db", "url", name], io), out, notes };
}

async function whoAmI(address: string): Promise<unknown> {
  const sql = new Bun.SQL(address, { max: 1 });
  try {
    return [...(await sql`select current_user as role, current_database() as database`)];
  } finally {
    await sql.end();
  }
}

test("beside a running server: the same URL each time, which opens the application's own database", async () => {
  const [first, second] = [await url("shop"), await url("shop")];
  expect(first).toEqual({
    code: 0,
    out: expect.stringMatching(/^postgres:\/\/shop:[^@]+@127\.0\.0\.1:\d+\/shop\n$/),
    notes: "",
  });
  expect(second).toEqual(first);
  expect(await whoAmI(first.out.trim())).toEqual([{ role: "shop", database: "shop" }]);
});

test("with database.url: the password comes from the token secret", async () => {
  const env = {
    SWITCHYARD_DATABASE_URL: server.url,
    SWITCHYARD_TOKEN_SECRET: "s".repeat(32),
    SWITCHYARD_API_KEY: "k".repeat(32),
  };
  const [first, second] = [await url("orders", env), await url("orders", env)];
  expect(first.notes).toBe("");
  expect(second).toEqual(first);
  expect(await whoAmI(first.out.trim())).toEqual([{ role: "orders", database: "orders" }]);
});

test("a name that cannot be a database is explained, without a stack or a password", async () => {
  const { code, out, notes } = await url("Drop Table");
  expect([code, out]).toEqual([1, ""]);
  expect(notes).toContain('"Drop Table" cannot be the name');
  expect(notes).not.toMatch(/at .*\.ts:|postgres:\/\//);
});
