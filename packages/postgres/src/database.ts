import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { DatabaseError } from "./database-error.ts";
import { connectError, describeDatabaseUrl, isRefused } from "./database-url.ts";
import type { Log } from "@switchyard/core";

/** PostgreSQL 15, as `server_version_num` counts. */
const OLDEST_VERSION = 150_000;

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
 * when the connection broke fails, and its outcome is unknown.
 */
export class Database {
  readonly name = "database";
  readonly #options: DatabaseOptions;
  #pool: Pool | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** The driver. Throws before `start` and after `stop`. int8 and numeric come as strings. */
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
    const {
      connections = 10,
      startTimeoutMs = 30_000,
      applicationName = "switchyard",
    } = this.#options;
    const url = this.#options.url();
    describeDatabaseUrl(url); // throws for what is no URL
    let lost = false;
    const sql = postgres(url, {
      max: connections,
      onclose: () => (lost = true),
      connect_timeout: 5,
      // No wait before a new connection: the callers that retry have their own back-off.
      backoff: false,
      onnotice: () => undefined,
      connection: { application_name: applicationName },
    });
    try {
      await this.#waitForServer(sql, url, startTimeoutMs);
      await checkSuitable(sql, describeDatabaseUrl(url));
    } catch (error) {
      await sql.end({ timeout: 0 });
      throw connectError(url, error);
    }
    lost = false;
    this.#pool = { sql, url, connections, hasLostConnections: () => lost };
  }

  /** Lets running statements finish for up to five seconds. Idempotent. */
  async stop(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    if (pool === undefined) return;
    const serverAway = pool.hasLostConnections() && !(await renewConnections(pool));
    await pool.sql.end({ timeout: serverAway ? 0 : 5 });
  }

  /** A real round trip. Throws `DatabaseError` (`unreachable`) when it fails or takes longer than `timeoutMs`. */
  async check(timeoutMs: number): Promise<void> {
    const { sql, url } = this.#running();
    const query = sql`select 1`.execute();
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
      await Promise.race([query, late]);
    } catch (error) {
      if (error instanceof DatabaseError) {
        query.catch(() => undefined); // it fails later, when nobody waits for it
        query.cancel();
      }
      throw connectError(url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #running(): Pool {
    if (this.#pool === undefined)
      throw new DatabaseError("unreachable", "The database pool is not started.");
    return this.#pool;
  }

  async #waitForServer(sql: postgres.Sql, url: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      try {
        await sql`select 1`;
        return;
      } catch (error) {
        if (isRefused(error) || performance.now() + waitMs > deadline) throw error;
        this.#options.log.warn(
          { place: describeDatabaseUrl(url), waitMs },
          "PostgreSQL does not answer yet",
        );
      }
      await sleep(waitMs);
    }
  }
}

interface Pool {
  readonly sql: postgres.Sql;
  readonly url: string;
  readonly connections: number;
  readonly hasLostConnections: () => boolean;
}

/**
 * Uses every connection once, for a second at most. The driver (3.4.9) does not forget a statement that failed together
 * with its connection until that connection is used again, and its `end` would wait for it in vain. False: the server
 * is away.
 */
async function renewConnections({ sql, connections }: Pool): Promise<boolean> {
  const answers = Promise.allSettled(Array.from({ length: connections }, () => sql`select 1`));
  const settled = await Promise.race([answers, sleep(1_000, undefined, { ref: false })]);
  return settled?.some(({ status }) => status === "fulfilled") ?? true;
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
