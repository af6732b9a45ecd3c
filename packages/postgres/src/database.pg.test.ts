import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { once } from "node:events";
import postgres from "postgres";
import { openEmbeddedDatabase } from "../test/embedded-database.ts";
import type { EmbeddedDatabase } from "../test/embedded-database.ts";
import { RecordingLog } from "@switchyard/testkit";
import { waitFor } from "../test/wait-for.ts";
import { createApplicationDatabase } from "./application-database.ts";
import { DatabaseError, errorCode } from "./database-error.ts";
import { Database } from "./database.ts";
import type { DatabaseOptions } from "./database.ts";

setDefaultTimeout(30_000);

let embedded: EmbeddedDatabase;
const log = new RecordingLog();

beforeAll(async () => {
  embedded = await openEmbeddedDatabase();
});

afterAll(() => embedded.close());

const open = (url: string, options: Partial<DatabaseOptions> = {}): Database =>
  new Database({ url: () => url, log, ...options });

async function failureOf(action: Promise<unknown>): Promise<DatabaseError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof DatabaseError) return error;
    throw error;
  }
  throw new Error("It did not fail.");
}

function changed(url: string, change: (url: URL) => void): string {
  const copy = new URL(url);
  change(copy);
  return copy.href;
}

async function query(url: string, text: string): Promise<readonly object[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

describe("Database", () => {
  test("connects, answers checks, and stops", async () => {
    const database = open(embedded.server.url);
    await database.start();
    await database.check(5_000);
    const rows =
      await database.sql`select current_setting('application_name') as name, 9007199254740993::int8 as big`;
    expect([...rows]).toEqual([{ name: "switchyard", big: "9007199254740993" }]);
    await database.stop();
    await database.stop();
    expect(() => database.sql).toThrow(DatabaseError);
  });

  test("a wrong password, user or database fails at once, and no message holds the password", async () => {
    const wrong = [
      changed(embedded.server.url, (url) => (url.password = "hunter2")),
      changed(embedded.server.url, (url) => (url.pathname = "/missing")),
    ];
    for (const url of wrong) {
      const failure = await failureOf(open(url).start());
      expect(failure.fault).toBe("credentials");
      expect(failure.message).toContain("127.0.0.1");
      const password = new URL(url).password;
      expect(failure.message + String(failure.cause) + JSON.stringify(failure.cause)).not.toContain(
        password,
      );
    }
  });

  test("what is no URL is not repeated in the error", async () => {
    for (const url of ["hunter2", "mysql://a:hunter2@b/c", "postgres://a:hunter2@:x/"]) {
      const failure = await failureOf(open(url).start());
      expect(failure.message).toContain("postgres://user:password@host:5432/database");
      expect(failure.message + String(failure.cause)).not.toContain("hunter2");
    }
  });

  test("a server that does not answer fails after the time it is given, and is found when it comes in time", async () => {
    const socket = createServer().listen(0, "127.0.0.1");
    await once(socket, "listening");
    const address = socket.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    socket.close();
    const url = changed(embedded.server.url, (copy) => (copy.port = String(port)));
    const failure = await failureOf(open(url, { startTimeoutMs: 100 }).start());
    expect(failure.fault).toBe("unreachable");
    expect(failure.message).toContain(`127.0.0.1:${port}/switchyard`);

    const database = open(url, { startTimeoutMs: 20_000 });
    const started = database.start();
    await waitFor("it has tried in vain", () =>
      log.lines.some((line) => line.message.includes("not answer yet")),
    );
    const proxy = await forward(port, Number(new URL(embedded.server.url).port));
    await started;
    await database.stop();
    proxy.close();
  });

  test("a check ends at its deadline when the server hangs, and succeeds when it goes on", async () => {
    const database = open(embedded.server.url, { connections: 1 });
    await database.start();
    const pid = embedded.server.pid ?? 0;
    const [backend] = await database.sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    process.kill(backend?.pid ?? 0, "SIGSTOP");
    const startedAt = performance.now();
    const failure = await failureOf(database.check(200));
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(failure.fault).toBe("unreachable");
    expect(failure.message).toContain("did not answer within 200 ms");
    process.kill(backend?.pid ?? 0, "SIGCONT");
    await waitFor("it answers", () => answers(database));
    expect(embedded.server.pid).toBe(pid);
    await database.stop();
  });

  test("connections that are cut are made again, whatever they were at", async () => {
    const url = changed(embedded.server.url, (copy) => (copy.pathname = "/postgres"));
    const cut =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut' and pid <> pg_backend_pid()";
    const database = open(url, { connections: 2, applicationName: "cut" });
    await database.start();
    for (let round = 0; round < 10; round += 1) {
      // One idle, one at work, and a statement issued at any moment around the cut.
      const sleeping = failureCode(database.sql`select pg_sleep(60)`);
      await waitFor("it sleeps", async () => {
        const active =
          "select from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";
        return (await query(embedded.server.url, active)).length === 1;
      });
      const cutting = query(embedded.server.url, cut);
      const meanwhile = Array.from({ length: round }, () => failureCode(database.sql`select 1`));
      await cutting;
      expect(await sleeping).not.toBe("no failure");
      await Promise.all(meanwhile);
      const startedAt = performance.now();
      await waitFor("it answers", () => answers(database));
      expect(performance.now() - startedAt).toBeLessThan(1_000); // a blocked connection would take five seconds
      await Promise.all([database.sql`select 1`, database.sql`select 2`]);
    }
    await database.stop();
  });

  test("a transaction commits as a whole, or not at all when it fails or its connection is cut", async () => {
    const database = open(embedded.server.url);
    await database.start();
    await database.sql`create table counted (id int)`;
    const failure = new Error("changed its mind");
    const ids = async (): Promise<readonly unknown[]> =>
      (await database.sql`select id from counted order by id`).map((row) => row["id"] as unknown);

    expect(
      await database.transaction(async (sql) => {
        await sql`insert into counted values (1)`;
        return "done";
      }),
    ).toBe("done");
    const refused = database.transaction(async (sql) => {
      await sql`insert into counted values (2)`;
      throw failure;
    });
    expect(await refused.catch((error: unknown) => error)).toBe(failure);
    for (const pauseMs of [0, 0, 0, 20, 20]) {
      const cut = database.transaction(async (sql) => {
        const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
        await sql`insert into counted values (3)`;
        await database.sql`select pg_terminate_backend(${backend?.pid ?? 0})`;
        await Bun.sleep(pauseMs); // long enough for the loss to be seen, or not
        // Neither of these may run outside of the transaction that is gone.
        await sql`insert into counted values (4)`.catch(() => undefined);
        await sql`insert into counted values (5)`;
      });
      expect(await failureCode(cut)).not.toBe("no failure");
    }
    expect(await ids()).toEqual([1]);
    await database.stop();
  });

  test("a database in another encoding is refused", async () => {
    await query(
      embedded.server.url,
      "create database latin encoding 'SQL_ASCII' locale 'C' template template0",
    );
    const failure = await failureOf(
      open(changed(embedded.server.url, (url) => (url.pathname = "/latin"))).start(),
    );
    expect(failure.fault).toBe("unsuitable");
    expect(failure.message).toContain("UTF8 is needed");
  });
});

describe("databases of applications", () => {
  test("each has a role and a database of its own, made once, whoever asks", async () => {
    const urls = await Promise.all([1, 2, 3].map(() => embedded.server.databaseUrl("orders")));
    expect(new Set(urls).size).toBe(1);
    const [url = ""] = urls;
    await query(url, "create table mine (id int); create publication changes for table mine");
    expect(await query(url, "select current_user, current_database()")).toEqual([
      { current_user: "orders", current_database: "orders" },
    ] as never);
    expect(await embedded.server.databaseUrl("orders")).toBe(url);

    const other = await embedded.server.databaseUrl("inventory");
    const stranger = changed(other, (copy) => (copy.pathname = "/orders"));
    await expect(query(stranger, "select 1")).rejects.toMatchObject({ code: "42501" });
    const ours = changed(other, (copy) => (copy.pathname = "/switchyard"));
    await expect(query(ours, "select 1")).rejects.toMatchObject({ code: "42501" });
  });

  test.each([
    "",
    "Orders",
    "1st",
    "a-b",
    "a".repeat(42),
    'x"; drop',
    "postgres",
    "switchyard",
    "pg_x",
    "template1",
  ])("%p is no name", async (name) => {
    expect((await failureOf(embedded.server.databaseUrl(name))).fault).toBe("name");
  });

  test("a role without the rights is told so", async () => {
    const url = await embedded.server.databaseUrl("poor");
    const failure = await failureOf(createApplicationDatabase(url, "another", "secret"));
    expect(failure.fault).toBe("unsuitable");
    expect(failure.message).toContain("CREATEROLE");
  });
});

async function answers(database: Database): Promise<boolean> {
  try {
    await database.check(1_000);
    return true;
  } catch {
    return false;
  }
}

async function failureCode(action: PromiseLike<unknown>): Promise<string> {
  try {
    await action;
    return "no failure";
  } catch (error) {
    return errorCode(error) ?? String(error);
  }
}

/** A server that appears late at an address: passes bytes on in both directions. */
async function forward(from: number, to: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  server.listen(from, "127.0.0.1");
  await once(server, "listening");
  return server;
}
