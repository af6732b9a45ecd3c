import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Sql } from "postgres";
import type { Database } from "./database.ts";
import { DatabaseError, errorCode } from "./database-error.ts";
import type { Log } from "@switchyard/core";

/** Held while one migration is applied: "swyd" in ASCII. */
const ADVISORY_LOCK = 0x73777964;
const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

export interface MigrationOptions {
  readonly log: Log;
  /** false: nothing is changed; a schema that is behind is an error. Default true. */
  readonly apply?: boolean;
  /** Folder of the numbered files. Default: those of this package. */
  readonly directory?: string;
}

interface Migration {
  readonly number: number;
  /** File name without `.sql`. */
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Brings the schema `switchyard` to this version of the code and returns the names of the migrations that were applied
 * by this call. Each runs in a transaction of its own under an advisory lock, so that several nodes may start at once
 * and a kill leaves whole migrations only. There is no way back down.
 *
 * Throws `DatabaseError`: `migration` when the database is newer than the code, when an applied migration was changed
 * afterwards, or, with `apply: false`, when some are missing; `unsuitable` when the role may not create the schema.
 */
export async function migrate(
  database: Database,
  options: MigrationOptions,
): Promise<readonly string[]> {
  const { log, apply = true } = options;
  const known = await readMigrations(
    options.directory ?? fileURLToPath(new URL("../migrations/", import.meta.url)),
  );
  const pending = findPending(known, await readApplied(database.sql));
  if (pending.length === 0) return [];
  if (!apply) {
    throw new DatabaseError(
      "migration",
      `The database lacks ${pending.map(({ name }) => name).join(", ")}. Start once with ` +
        "SWITCHYARD_DATABASE_MIGRATE=true, as a role that may create tables.",
    );
  }
  const applied: string[] = [];
  for (;;) {
    const startedAt = performance.now();
    const name = await applyNext(database, known);
    if (name === undefined) return applied;
    applied.push(name);
    log.info(
      { migration: name, ms: Math.round(performance.now() - startedAt) },
      "migrated the database",
    );
  }
}

async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const migrations: Migration[] = [];
  for (const file of (await readdir(directory)).toSorted()) {
    if (!file.endsWith(".sql")) continue;
    const number = Number(fileName.exec(file)?.[1]);
    if (number !== migrations.length + 1) {
      throw new DatabaseError(
        "migration",
        `${file} in ${directory} is not numbered without a gap from 0001_….`,
      );
    }
    // Line endings depend on how the repository was checked out.
    const text = (await readFile(`${directory}/${file}`, "utf8")).replaceAll("\r\n", "\n");
    const checksum = createHash("sha256").update(text).digest("hex");
    migrations.push({ number, name: file.slice(0, -".sql".length), text, checksum });
  }
  return migrations;
}

/** Applies the first that is missing. undefined: none is. */
async function applyNext(
  database: Database,
  known: readonly Migration[],
): Promise<string | undefined> {
  try {
    return await database.transaction(async (tx) => {
      // Of the transaction, not of the session: poolers share sessions.
      await tx`select pg_advisory_xact_lock(${ADVISORY_LOCK})`;
      const [next] = findPending(known, await readApplied(tx));
      if (next === undefined) return undefined;
      await prepareLedger(tx);
      await tx.unsafe(next.text).simple();
      await tx`
        insert into switchyard.migrations (number, name, checksum)
        values (${next.number}, ${next.name}, ${next.checksum})`;
      return next.name;
    });
  } catch (error) {
    if (errorCode(error) !== "42501") throw error;
    throw new DatabaseError(
      "unsuitable",
      "The role of the configured database may not create the schema switchyard or change its tables. " +
        "Grant it CREATE on the database, or run the migrations once as the owner.",
      error,
    );
  }
}

async function prepareLedger(tx: Sql): Promise<void> {
  // Asked first, because `create schema if not exists` wants the right to create even when there is nothing to create.
  const [found] = await tx`select from pg_namespace where nspname = 'switchyard'`;
  if (found === undefined) await tx`create schema switchyard`;
  await tx`
    create table if not exists switchyard.migrations (
      number     int primary key,
      name       text not null,
      checksum   text not null, -- SHA-256 of the file
      applied_at timestamptz not null default now()
    )`;
}

async function readApplied(sql: Sql): Promise<readonly AppliedMigration[]> {
  // Not to_regclass: it may answer from a name cache that waiting for an advisory lock does not bring up to date.
  const [table] = await sql`
    select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'switchyard' and relname = 'migrations'`;
  if (table === undefined) return [];
  return sql<
    AppliedMigration[]
  >`select number, name, checksum from switchyard.migrations order by number`;
}

function findPending(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  for (const { number, name, checksum } of applied) {
    const migration = known[number - 1];
    if (migration === undefined) {
      throw new DatabaseError(
        "migration",
        `The database is newer than this version of Switchyard: it has ${name}, and the newest known here is ` +
          `${known.at(-1)?.name ?? "none"}. Start the newer version, or restore a backup from before its first start.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new DatabaseError(
        "migration",
        `${migration.name} was changed after it had been applied to the database (there as ${name}, checksum ` +
          `${checksum.slice(0, 12)}, here ${migration.checksum.slice(0, 12)}). Restore the file and add a new migration instead.`,
      );
    }
  }
  return known.slice(applied.length);
}
