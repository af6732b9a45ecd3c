import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { DatabaseError } from "./database-error.ts";
import { connectError, describeDatabaseUrl, isRefused } from "./database-url.ts";
import { endDriver } from "./end-driver.ts";
import type { Log } from "@switchyard/core";

/** PostgreSQL 15, as `server_version_num` counts. */
const OLDEST_VERSION = 150_000;
/** How long `stop` lets running statements finish. */
const END_SECONDS = 5;
/** The same of a pool that lost a connection: most likely all are lost, and the driver waits in vain. */
const RETIRE_SECONDS = 1;

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. Asked for at `start`, when an embedded server has its port. */
  readonly url: () => string;
  readonly log: Log;
  /** Connections of the pool. Default 10. */
  readonly connections?: number;
  /** How long `start` tries to reach a server that does not answer yet. Default 30 000. */
  readonly startTimeoutMs?: number;
  /** Shown in pg_stat_activity. Default "switchyard". */
  readonly applicationName?: string;
}

/**
 * The connection pool to the store. Connects again by itself after the server was away; a statement that was under way
 * when its connection broke fails, and its outcome is unknown.
 *
 * The driver (postgres 3.4.9) does not survive the loss of a connection in good order: unsent bytes of the old
 * connection can block the next one for good, `begin` and cursors may write to a socket that is gone, which ends the
 * process, and `end` waits for statements that failed long ago. Therefore the whole pool is replaced when one of its
 * connections is lost, transactions run on a connection of their own, and `begin`, `reserve`, `cursor` and `cancel` of
 * the driver are not to be used.
 */
export class Database {
  readonly name = "database";
  readonly #options: DatabaseOptions;
  #pool: Pool | undefined;
  readonly #retiring = new Set<Promise<void>>();
  readonly #opened = new Set<postgres.Sql>();
  #checking: Promise<unknown> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /**
   * The driver, for single statements: ask for it each time, because it changes when a connection was lost. int8 and
   * numeric come as strings. Throws before `start` and after `stop`.
   */
  get sql(): postgres.Sql {
    return this.#running().sql;
  }

  /** Host, port and database, for messages. */
  get place(): string {
    return describeDatabaseUrl(this.#running().url);
  }

  /**
   * Connects and checks version and encoding. Throws `DatabaseError`: `credentials` at once, `unreachable` after
   * `startTimeoutMs`, `unsuitable` for a server older than 15 or a database that is not UTF-8.
   */
  async start(): Promise<void> {
    const url = this.#options.url();
    const place = describeDatabaseUrl(url); // throws for what is no URL
    const pool = { url, sql: this.#openPool(url) };
    this.#pool = pool;
    try {
      await this.#waitForServer(pool, place);
      await checkSuitable(pool.sql, place);
    } catch (error) {
      await this.stop();
      throw connectError(url, error);
    }
  }

  /** Lets running statements finish for up to five seconds. Idempotent. */
  async stop(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    const opened = [...this.#opened].map((sql) => endDriver(sql, END_SECONDS));
    this.#opened.clear();
    const ended = pool && endDriver(pool.sql, END_SECONDS);
    await Promise.all([ended, ...opened, ...this.#retiring]);
  }

  /**
   * A real round trip. Throws `DatabaseError` (`unreachable`) when it fails or takes longer than `timeoutMs`. While one
   * hangs no further statement is sent.
   */
  async check(timeoutMs: number): Promise<void> {
    const { sql, url } = this.#running();
    this.#checking ??= sql`select 1`.finally(() => (this.#checking = undefined));
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const place = describeDatabaseUrl(url);
      reject(
        new DatabaseError(
          "unreachable",
          `PostgreSQL at ${place} did not answer within ${timeoutMs} ms.`,
        ),
      );
    }, timeoutMs);
    try {
      await Promise.race([this.#checking, late]);
    } catch (error) {
      throw connectError(url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Runs `work` in a transaction on a connection of its own (some 5 ms to open) and commits when it fulfils. When it
   * rejects, or the connection is lost, nothing is committed and the rejection is passed on; when COMMIT itself fails
   * with the connection the outcome is unknown. All statements of the transaction go through the `sql` that `work`
   * gets, and are awaited by it.
   */
  async transaction<Result>(work: (sql: postgres.Sql) => Promise<Result>): Promise<Result> {
    const sql = this.openConnection();
    try {
      await sql`begin`;
      const result = await work(sql);
      await sql`commit`;
      return result;
    } finally {
      this.#opened.delete(sql);
      await endDriver(sql, 0); // the server rolls back what was not committed
    }
  }

  /**
   * One connection outside of the pool, opened by its first statement, ended by the caller or by `stop`. Once lost it stays
   * lost: its statements fail, and `lost` is called. Shown in pg_stat_activity as `applicationName` (at most 63
   * bytes), by default as the pool is.
   */
  openConnection(
    options: { readonly applicationName?: string; readonly lost?: () => void } = {},
  ): postgres.Sql {
    const { url } = this.#running();
    const { applicationName = this.#options.applicationName ?? "switchyard", lost } = options;
    const sql = postgres(url, {
      ...this.#driverOptions(),
      connection: { application_name: applicationName },
      max: 1,
      // Else a statement after the loss would run on a new connection, outside of the transaction.
      onclose: () => {
        this.#opened.delete(sql);
        void endDriver(sql, 0);
        lost?.();
      },
    });
    this.#opened.add(sql);
    return sql;
  }

  #running(): Pool {
    if (this.#pool === undefined) {
      throw new DatabaseError("unreachable", "The database pool is not started.");
    }
    return this.#pool;
  }

  #driverOptions(): postgres.Options<typeof arrayTypes> {
    return {
      connect_timeout: 5,
      // No wait before a new connection: the callers that retry have their own back-off.
      backoff: false,
      max_lifetime: null,
      onnotice: () => undefined,
      // Asking the server for them costs a round trip, and a connection that is lost meanwhile ends the process.
      fetch_types: false,
      types: arrayTypes,
      connection: { application_name: this.#options.applicationName ?? "switchyard" },
    };
  }

  #openPool(url: string): postgres.Sql {
    const sql = postgres(url, {
      ...this.#driverOptions(),
      max: this.#options.connections ?? 10,
      onclose: () => this.#replacePool(sql),
    });
    return sql;
  }

  /** What runs on the pool's other connections has a second to finish; new statements of late callers are refused by it. */
  #replacePool(lost: postgres.Sql): void {
    if (this.#pool?.sql !== lost) return; // replaced already, or stopped
    this.#pool.sql = this.#openPool(this.#pool.url);
    const retired = endDriver(lost, RETIRE_SECONDS)
      .catch(() => undefined)
      .then(() => void this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }

  async #waitForServer(pool: Pool, place: string): Promise<void> {
    const { log, startTimeoutMs = 30_000 } = this.#options;
    const deadline = performance.now() + startTimeoutMs;
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      try {
        await pool.sql`select 1`;
        return;
      } catch (error) {
        if (isRefused(error) || performance.now() + waitMs > deadline) throw error;
        log.warn({ place, waitMs }, "PostgreSQL does not answer yet");
      }
      await sleep(waitMs);
    }
  }
}

interface Pool {
  readonly url: string;
  sql: postgres.Sql;
}

/** Arrays of numbers and of text as parameters: int4[], int8[], float8[], text[]. In results they come as text. */
const arrayTypes = {
  array: { to: 1009, from: [], serialize: arrayLiteral, parse: (text: string) => text },
  int4Array: { to: 1007, from: [], serialize: arrayLiteral, parse: (text: string) => text },
  int8Array: { to: 1016, from: [], serialize: arrayLiteral, parse: (text: string) => text },
  float8Array: { to: 1022, from: [], serialize: arrayLiteral, parse: (text: string) => text },
};

function arrayLiteral(values: string | readonly (string | number | null)[]): string {
  if (typeof values === "string") return values; // one already
  const elements = values.map((value) =>
    typeof value === "string" ? `"${value.replace(/["\\]/g, "\\$&")}"` : String(value),
  );
  return `{${elements.join(",")}}`;
}

async function checkSuitable(sql: postgres.Sql, place: string): Promise<void> {
  const rows = await sql<{ version: number; shown: string; encoding: string }[]>`
    select current_setting('server_version_num')::int4 as version,
           current_setting('server_version') as shown,
           current_setting('server_encoding') as encoding`;
  const [server] = rows;
  if (server === undefined)
    throw new DatabaseError("unsuitable", `PostgreSQL at ${place} does not tell its version.`);
  if (server.version < OLDEST_VERSION) {
    throw new DatabaseError(
      "unsuitable",
      `PostgreSQL at ${place} is version ${server.shown}; version 15 or newer is needed.`,
    );
  }
  if (server.encoding !== "UTF8") {
    throw new DatabaseError(
      "unsuitable",
      `The database at ${place} is encoded in ${server.encoding}; UTF8 is needed. Create one with: ` +
        "create database switchyard encoding 'UTF8' template template0",
    );
  }
}
