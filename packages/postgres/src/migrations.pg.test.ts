import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { openEmbeddedDatabase } from "../test/embedded-database.ts";
import type { EmbeddedDatabase } from "../test/embedded-database.ts";
import { RecordingLog } from "@switchyard/testkit";
import { makeTemporaryFolder, removeFolder } from "../test/temporary-folder.ts";
import { Database } from "./database.ts";
import { migrate } from "./migrations.ts";

setDefaultTimeout(30_000);

const log = new RecordingLog();
const script = fileURLToPath(new URL("../test/migrate-process.ts", import.meta.url));
let embedded: EmbeddedDatabase;
let directory: string;
let url: string;
let database: Database;
let databases = 0;

beforeAll(async () => {
  embedded = await openEmbeddedDatabase();
});

afterAll(() => embedded.close());

beforeEach(async () => {
  directory = await makeTemporaryFolder();
  await write(
    "0001_first.sql",
    "create table switchyard.first (id int); insert into switchyard.first values (1);",
  );
  await write("0002_second.sql", "create table switchyard.second (id int);");
  databases += 1;
  url = await embedded.createDatabase(`migrations_${databases}`);
  const { href } = new URL(url);
  database = new Database({ url: () => href, log });
  await database.start();
});

afterEach(async () => {
  await database.stop();
  await removeFolder(directory);
});

const write = (file: string, text: string): Promise<void> => writeFile(join(directory, file), text);

async function tables(): Promise<readonly string[]> {
  const rows = await database.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'switchyard' order by 1`;
  return rows.map(({ name }) => name);
}

test("applies what is missing, in order, once", async () => {
  expect(await migrate(database, { log, directory })).toEqual(["0001_first", "0002_second"]);
  expect(await migrate(database, { log, directory })).toEqual([]);
  await write("0003_third.sql", "create table switchyard.third (id int);");
  expect(await migrate(database, { log, directory })).toEqual(["0003_third"]);
  expect(await tables()).toEqual(["first", "migrations", "second", "third"]);
  expect(await database.sql`select id from switchyard.first`).toEqual([{ id: 1 }] as never);
});

test("several processes at once apply each exactly once", async () => {
  // Slow enough that the processes meet inside it.
  await write(
    "0001_first.sql",
    "select pg_sleep(0.3); create table switchyard.first (id int); insert into switchyard.first values (1);",
  );
  await write("0002_second.sql", "select pg_sleep(0.3); create table switchyard.second (id int);");
  const processes = [1, 2, 3].map(() =>
    Bun.spawn([process.execPath, script, url, directory], { stderr: "inherit" }),
  );
  const outputs = await Promise.all(processes.map((child) => new Response(child.stdout).json()));
  expect(await Promise.all(processes.map((child) => child.exited))).toEqual([0, 0, 0]);
  expect(outputs.flat().map(String).toSorted()).toEqual(["0001_first", "0002_second"]);
  expect(await database.sql`select id from switchyard.first`).toEqual([{ id: 1 }] as never);
});

test("one that fails leaves nothing of itself, and all that came before", async () => {
  await write("0002_second.sql", "create table switchyard.second (id int); select 1 / 0;");
  await expect(migrate(database, { log, directory })).rejects.toMatchObject({ code: "22012" });
  await migrate(database, { log, directory }).catch(() => undefined);
  expect(await tables()).toEqual(["first", "migrations"]);
  await write("0002_second.sql", "create table switchyard.second (id int);");
  expect(await migrate(database, { log, directory })).toEqual(["0002_second"]);
});

test("a migration that was changed after it had been applied is an error; its line endings do not count", async () => {
  await write("0002_second.sql", "create table switchyard.second (id int);\n");
  await migrate(database, { log, directory });
  await write("0002_second.sql", "create table switchyard.second (id int);\r\n");
  expect(await migrate(database, { log, directory })).toEqual([]);
  await write("0002_second.sql", "create table switchyard.second (id bigint);");
  await expect(migrate(database, { log, directory })).rejects.toMatchObject({
    fault: "migration",
    message: expect.stringContaining("0002_second was changed after it had been applied"),
  });
});

test("a database that is newer than the code is an error", async () => {
  await migrate(database, { log, directory });
  await rm(join(directory, "0002_second.sql"));
  await expect(migrate(database, { log, directory })).rejects.toMatchObject({
    fault: "migration",
    message: expect.stringContaining("it has 0002_second, and the newest known here is 0001_first"),
  });
});

test("with the switch off it says what is missing and changes nothing", async () => {
  await expect(migrate(database, { log, directory, apply: false })).rejects.toMatchObject({
    fault: "migration",
    message: expect.stringContaining("0001_first, 0002_second"),
  });
  await migrate(database, { log, directory, apply: false }).catch(() => undefined);
  expect(await tables()).toEqual([]);
  await migrate(database, { log, directory });
  expect(await migrate(database, { log, directory, apply: false })).toEqual([]);
});

test("a gap in the numbers is an error", async () => {
  await write("0004_fourth.sql", "select 1");
  await expect(migrate(database, { log, directory })).rejects.toMatchObject({ fault: "migration" });
});

test("a role that may not create the schema is told what it lacks", async () => {
  const admin = postgres(embedded.server.url, { max: 1, onnotice: () => undefined });
  await admin.unsafe(`alter database "${new URL(url).pathname.slice(1)}" owner to switchyard`);
  await admin.unsafe(
    `grant connect on database "${new URL(url).pathname.slice(1)}" to "${new URL(url).username}"`,
  );
  await admin.end();
  await expect(migrate(database, { log, directory })).rejects.toMatchObject({
    fault: "unsuitable",
    message: expect.stringContaining("Grant it CREATE"),
  });
});

test("the package's own migrations apply to an empty database", async () => {
  expect(await migrate(database, { log })).toContain("0001_streams");
  const made = await tables();
  for (const name of ["migrations", "queues", "stream_chunks"]) expect(made).toContain(name);
  // What a later migration replaces is gone.
  expect(made).not.toContain("streams");
});
