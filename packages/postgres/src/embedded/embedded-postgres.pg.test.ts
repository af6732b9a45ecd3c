import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import postgres from "postgres";
import { OwnerProcess } from "../../test/owner-process-handle.ts";
import { RecordingLog } from "@switchyard/testkit";
import { copyFolder, makeTemporaryFolder, removeFolder } from "../../test/temporary-folder.ts";
import { waitFor } from "../../test/wait-for.ts";
import { DatabaseError } from "../database-error.ts";
import { Database } from "../database.ts";
import { findEmbeddedPostgres } from "./cluster-connection.ts";
import { EmbeddedPostgres } from "./embedded-postgres.ts";
import { processIdentity } from "./process-identity.ts";

setDefaultTimeout(30_000);

const onLinux = process.platform === "linux";
const asRoot = process.getuid?.() === 0;

let template: string;
let folder: string;
let directory: string;
let log: RecordingLog;
let server: EmbeddedPostgres;

// Making a database takes a second: most tests start from a copy.
beforeAll(async () => {
  template = await makeTemporaryFolder();
  const first = new EmbeddedPostgres({
    directory: join(template, "postgres"),
    log: new RecordingLog(),
  });
  await first.start();
  await first.stop();
});

afterAll(() => removeFolder(template));

beforeEach(async () => {
  folder = await makeTemporaryFolder();
  directory = join(folder, "postgres");
  copyFolder(join(template, "postgres"), directory);
  log = new RecordingLog();
  server = new EmbeddedPostgres({ directory, log });
});

afterEach(async () => {
  await server.stop();
  await removeFolder(folder);
});

async function query<Row extends object>(url: string, text: string): Promise<readonly Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe<Row[]>(text);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function failureOf(action: Promise<unknown>): Promise<DatabaseError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof DatabaseError) return error;
    throw error;
  }
  throw new Error("It did not fail.");
}

const messages = (): readonly string[] => log.lines.map((line) => line.message);

describe("first and second start", () => {
  test("makes a database that is durable, UTF-8, ready for logical decoding and closed to strangers", async () => {
    await removeFolder(directory);
    await server.start();
    const names = [
      "wal_level",
      "fsync",
      "synchronous_commit",
      "server_encoding",
      "listen_addresses",
      "data_checksums",
    ];
    const rows = await query<{ name: string; setting: string }>(
      server.url,
      `select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`).join(", ")})`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      wal_level: "logical",
      fsync: "on",
      synchronous_commit: "on",
      server_encoding: "UTF8",
      listen_addresses: "127.0.0.1",
      data_checksums: "on",
    });
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "select 1")).rejects.toMatchObject({ code: "28P01" });

    expect((await stat(join(directory, "password"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "postgres.log"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "cluster"))).mode & 0o777).toBe(0o700);
    const password = await readFile(join(directory, "password"), "utf8");
    expect(JSON.stringify(log.lines)).not.toContain(password);
    expect(await readFile(join(directory, "postgres.log"), "utf8")).not.toContain(password);
  });

  test("comes back at the same address with what was committed, and leaves nothing behind when it stops", async () => {
    await server.start();
    const { url, pid } = server;
    await query(url, "create table kept (id int); insert into kept values (7)");
    await server.stop();
    expect(processIdentity(pid ?? 0)).toBeUndefined();
    expect((await readdir(directory)).toSorted()).toEqual([
      "cluster",
      "password",
      "port",
      "postgres.log",
    ]);
    await server.stop(); // once more does nothing

    const startedAt = performance.now();
    await server.start();
    process.stdout.write(
      `start on an existing data directory: ${Math.round(performance.now() - startedAt)} ms\n`,
    );
    expect(server.url).toBe(url);
    expect(await query(url, "select id from kept")).toEqual([{ id: 7 }]);
  });

  test("takes another port when a stranger has the one of last time", async () => {
    await server.start();
    const { url } = server;
    await server.stop();
    const stranger = createServer().listen(Number(new URL(url).port), "127.0.0.1");
    await once(stranger, "listening");
    await server.start();
    expect(new URL(server.url).port).not.toBe(new URL(url).port);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    stranger.close();
  });

  test("an initdb that was killed half-way leaves nothing that a later start would take for a database", async () => {
    await removeFolder(directory);
    const owner = new OwnerProcess(directory);
    await waitFor("initdb writes", async () => {
      const entries = await readdir(directory, { recursive: true }).catch(() => []);
      return entries.some((entry) => /^init-\w+\/data\/global\//.test(entry));
    });
    await owner.kill("group");
    expect(await readdir(directory)).not.toContain("cluster");
    await mkdir(join(directory, "init-0000", "data"), { recursive: true });
    await writeFile(join(directory, "init-0000", "data", "PG_VERSION"), "18\n");
    await server.start();
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await readdir(directory)).not.toContain("init-0000");
  });

  test("a stop during the start cancels it", async () => {
    await removeFolder(directory);
    const started = failureOf(server.start());
    await server.stop();
    expect((await started).fault).toBe("startFailed");
    expect((await readdir(directory)).filter((entry) => entry.startsWith("owner"))).toEqual([]);
    expect(await findEmbeddedPostgres(directory)).toBeUndefined();
  });
});

describe("one owner", () => {
  test("a second server on the directory is refused, by name, as long as the first lives", async () => {
    const owner = new OwnerProcess(directory);
    await owner.report();
    const failure = await failureOf(server.start());
    expect(failure.fault).toBe("owned");
    expect(failure.message).toContain(String(owner.pid));
    expect(failure.message).toContain(directory);

    const found = await findEmbeddedPostgres(directory);
    expect(await query(found?.url ?? "", "select 1 as one")).toEqual([{ one: 1 }]);

    await owner.end();
    expect(await findEmbeddedPostgres(directory)).toBeUndefined();
    await server.start(); // the control: nothing else was in the way
    const second = new EmbeddedPostgres({ directory, log });
    expect((await failureOf(second.start())).message).toContain(String(process.pid));
  });

  test("of several that start at once exactly one gets it", async () => {
    await server.start();
    await server.stop();
    const owners = [1, 2, 3].map(() => new OwnerProcess(directory));
    const reports = await Promise.all(owners.map((owner) => owner.report()));
    await Promise.all(owners.map((owner) => owner.end()));
    const errors = reports.flatMap(({ error }) => (error === undefined ? [] : [error]));
    // Those that saw each other in the same instant may all have stepped back; two owners must not be.
    expect(errors.length).toBeGreaterThanOrEqual(2);
    for (const error of errors) expect(error).toContain("is in use by another server");
  });
});

describe("an owner that was killed", () => {
  test.each(["process", "group"] as const)(
    "kill -9 of its %s: PostgreSQL lives on and is taken over",
    async (what) => {
      const owner = new OwnerProcess(directory);
      const { postgres: pid = 0, url = "" } = await owner.report();
      if (onLinux) expect(sessionOf(pid)).toBe(pid);
      await query(url, "create table kept (id int); insert into kept values (1)");
      await owner.kill(what);

      await server.start();
      expect(server.pid).toBe(pid);
      expect(server.url).toBe(url);
      expect(await query(server.url, "select id from kept")).toEqual([{ id: 1 }]);
      expect(messages()).toContain("took over the PostgreSQL that an earlier server left running");

      await server.stop();
      expect(processIdentity(pid)).toBeUndefined();
    },
  );

  test("and PostgreSQL with it: what was committed is recovered", async () => {
    const owner = new OwnerProcess(directory);
    const { postgres: pid = 0, url = "" } = await owner.report();
    await query(
      url,
      "create table kept (id int); insert into kept select generate_series(1, 1000)",
    );
    await owner.kill("process");
    process.kill(pid, "SIGKILL");
    await server.start();
    expect(server.pid).not.toBe(pid);
    expect(await query(server.url, "select count(*)::int4 as rows from kept")).toEqual([
      { rows: 1000 },
    ]);
  });

  test("and its process id belongs to a stranger now", async () => {
    await server.start();
    await server.stop();
    const stale = [
      process.pid,
      join(directory, "cluster"),
      1,
      5432,
      "",
      "127.0.0.1",
      "0 0",
      "ready   ",
    ].join("\n");
    await writeFile(join(directory, "cluster", "postmaster.pid"), `${stale}\n`);
    await writeFile(join(directory, `owner.${process.ppid}`), "another run");
    await server.start();
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("an orphan that does not let us in is stopped and started anew", async () => {
    const owner = new OwnerProcess(directory);
    const { postgres: pid = 0, url = "" } = await owner.report();
    await query(url, "create table kept (id int); insert into kept values (1)");
    await owner.kill("process");
    server = new EmbeddedPostgres({ directory, log, adoptionTimeoutMs: 300 });
    process.kill(pid, "SIGSTOP"); // hangs: answers nobody
    const started = server.start();
    await waitFor("the orphan is given up", () =>
      messages().some((message) => message.startsWith("stopping the")),
    );
    process.kill(pid, "SIGCONT");
    await started;
    expect(server.pid).not.toBe(pid);
    expect(await query(server.url, "select id from kept")).toEqual([{ id: 1 }]);
  });
});

describe("a PostgreSQL that dies", () => {
  test("is restarted at the same address, and the pool connects again", async () => {
    await server.start();
    const database = new Database({ url: () => server.url, log });
    await database.start();
    await database.sql`create table kept (id int)`;
    const { pid, url } = server;
    process.kill(pid ?? 0, "SIGKILL");
    await waitFor("it is back", () => server.pid !== undefined && server.pid !== pid);
    expect(server.url).toBe(url);
    await waitFor("the pool answers", () =>
      database.check(1_000).then(
        () => true,
        () => false,
      ),
    );
    await database.sql`insert into kept values (1)`;
    expect(messages()).toContain("PostgreSQL died");
    await database.stop();
  });

  test("one that was taken over is watched as well", async () => {
    const owner = new OwnerProcess(directory);
    const { postgres: pid = 0 } = await owner.report();
    await owner.kill("process");
    await server.start();
    expect(server.pid).toBe(pid);
    process.kill(pid, "SIGKILL");
    await waitFor("it is back", () => server.pid !== undefined && server.pid !== pid);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("while one of its sessions works on is restarted when that one has ended", async () => {
    await server.start();
    const { pid } = server;
    const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
    await sql`select 1`;
    // A session notices its server's death when it next waits for something. This one computes for a second.
    const busy = sql`
      do $$ begin
        while clock_timestamp() < statement_timestamp() + interval '1 second' loop end loop;
      end $$`.then(
      () => undefined,
      () => undefined, // its connection ends
    );
    const active =
      "select pid from pg_stat_activity where state = 'active' and query like '%loop%' and pid <> pg_backend_pid()";
    await waitFor("it computes", async () => (await query(server.url, active)).length === 1);
    process.kill(pid ?? 0, "SIGKILL");
    await waitFor("it is back", () => server.pid !== undefined && server.pid !== pid);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(log.lines).toContainEqual({
      level: "warn",
      message: "PostgreSQL could not start yet",
      fields: { why: "dataInUse", waitMs: expect.any(Number) },
    });
    await busy;
    await sql.end({ timeout: 0 });
  });

  test("and cannot come back is given up after the limit, which is told", async () => {
    const { promise: givenUp, resolve } = Promise.withResolvers<DatabaseError>();
    server = new EmbeddedPostgres({ directory, log, restartLimit: 2, onGivenUp: resolve });
    await server.start();
    await rename(join(directory, "cluster"), join(directory, "away"));
    process.kill(server.pid ?? 0, "SIGKILL");
    expect((await givenUp).message).toContain("2 tries");
    expect(server.pid).toBeUndefined();
    // Back in its place it starts again, and clears the shared memory that the killed server left.
    await server.stop();
    await rename(join(directory, "away"), join(directory, "cluster"));
    await server.start();
  });
});

describe("users and folders", () => {
  test.skipIf(!asRoot)("root: a folder that PostgreSQL's user cannot enter is named", async () => {
    const closed = join(folder, "closed");
    await mkdir(closed, { mode: 0o700 });
    server = new EmbeddedPostgres({ directory: join(closed, "postgres"), log, env: {} });
    const failure = await failureOf(server.start());
    expect(failure.fault).toBe("folder");
    expect(failure.message).toContain(`chmod o+x ${closed}`);
    expect(await readdir(join(closed, "postgres"))).toEqual([]);

    server = new EmbeddedPostgres({
      directory: join(closed, "postgres"),
      ownFolderAbove: closed,
      log,
      env: {},
    });
    await server.start();
    expect((await stat(closed)).mode & 0o777).toBe(0o701);
  });

  test.skipIf(!asRoot)(
    "root: it runs as the user who called sudo, and stays with that one",
    async () => {
      await removeFolder(directory);
      const daemon = 1; // an account that every Linux has, and that would not be chosen otherwise
      const env = { SUDO_USER: "daemon", SUDO_UID: String(daemon), SUDO_GID: String(daemon) };
      server = new EmbeddedPostgres({ directory, log, env });
      await server.start();
      expect((await stat(`/proc/${server.pid}`)).uid).toBe(daemon);
      await server.stop();
      server = new EmbeddedPostgres({ directory, log, env: {} });
      await server.start();
      expect((await stat(`/proc/${server.pid}`)).uid).toBe(daemon);
    },
  );

  test("a cluster of another major version, or something else in its place, is left alone", async () => {
    await removeFolder(directory);
    await mkdir(join(directory, "cluster"), { recursive: true });
    await writeFile(join(directory, "cluster", "notes.txt"), "mine");
    expect((await failureOf(server.start())).message).toContain(
      "neither empty nor a PostgreSQL data directory",
    );
    await writeFile(join(directory, "cluster", "PG_VERSION"), "17\n");
    expect((await failureOf(server.start())).message).toContain("belongs to PostgreSQL 17");
    expect(await readFile(join(directory, "cluster", "notes.txt"), "utf8")).toBe("mine");
  });

  test("a broken cluster: the server's own words are in the error", async () => {
    await server.start();
    await server.stop();
    await rename(join(directory, "cluster", "global"), join(directory, "cluster", "away"));
    const failure = await failureOf(server.start());
    expect(failure.fault).toBe("startFailed");
    expect(failure.message).toContain("could not find the database system");
  });
});

function sessionOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[3]);
}
