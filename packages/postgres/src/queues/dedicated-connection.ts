import { SwitchyardError } from "@switchyard/core";
import type { Sql } from "postgres";
import type { Database } from "../database.ts";
import { endDriver } from "../end-driver.ts";
import { asStoreFault } from "./store-fault.ts";

export interface DedicatedConnectionOptions {
  readonly database: Database;
  /** In pg_stat_activity; at most 63 bytes. */
  readonly applicationName: string;
  /** Statements that set the session up. */
  readonly settings: string;
  /** For one call of `run` or `transaction`. */
  readonly timeoutMs: number;
}

/**
 * A connection that is opened when it is needed, and dropped when it fails or does not answer in time: what was under
 * way has then an unknown outcome, and the next call opens another. Statements run in the order of the calls.
 */
export class DedicatedConnection {
  readonly #options: DedicatedConnectionOptions;
  #session: Session | undefined;
  /** The end of the transactions so far. */
  #former: Promise<unknown> = Promise.resolve();

  constructor(options: DedicatedConnectionOptions) {
    this.#options = options;
  }

  /** Rejects with what `asStoreFault` makes of it. */
  async run<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    let session: Session | undefined;
    const timer = setTimeout(() => {
      const detail = `the store did not answer within ${this.#options.timeoutMs} ms`;
      reject(new SwitchyardError("storeUnavailable", { detail }));
    }, this.#options.timeoutMs);
    try {
      session = this.#session ??= this.#open();
      return await Promise.race([session.ready.then(work), late]);
    } catch (error) {
      const fault = asStoreFault(error);
      if (fault.kind === "storeUnavailable" && session !== undefined) this.#drop(session);
      throw fault;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Runs `work` in a transaction in which each statement sees what was committed before it; one after the other, and not
   * on a connection that `run` is used on. Commits when `work` fulfils, else nothing is stored; an unknown outcome is
   * `storeUnavailable`.
   */
  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const outcome = this.#former.then(() =>
      this.run(async (sql) => {
        await sql`begin isolation level read committed read write`;
        try {
          const result = await work(sql);
          await sql`commit`;
          return result;
        } catch (error) {
          await sql`rollback`;
          throw error;
        }
      }),
    );
    this.#former = outcome.catch(() => undefined);
    return outcome;
  }

  /** Does not wait for what is under way, which fails with `storeUnavailable`. May be used again. */
  close(): void {
    if (this.#session !== undefined) this.#drop(this.#session);
  }

  #open(): Session {
    const { database, applicationName, settings } = this.#options;
    const lost = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    const sql = database.openConnection({ applicationName, lost });
    const ready = sql
      .unsafe(settings)
      .simple()
      .then(() => sql);
    const session: Session = { sql, ready };
    ready.catch(() => this.#drop(session));
    return session;
  }

  #drop(session: Session): void {
    if (this.#session === session) this.#session = undefined;
    void endDriver(session.sql, 0);
  }
}

interface Session {
  readonly sql: Sql;
  /** When the settings are in force. */
  readonly ready: Promise<Sql>;
}
