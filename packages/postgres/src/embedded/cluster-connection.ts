import { setTimeout as sleep } from "node:timers/promises";
import { realpath } from "node:fs/promises";
import postgres from "postgres";
import { createApplicationDatabase } from "../application-database.ts";
import { connectError } from "../database-url.ts";
import { errorCode } from "../database-error.ts";
import { clusterPaths, readPassword, SUPERUSER } from "./cluster.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { isPostgresOn, processIdentity } from "./process-identity.ts";

/** An embedded server that somebody, perhaps another process, keeps running. */
export interface RunningEmbeddedPostgres {
  /** Of Switchyard's own database, with the superuser's password. */
  readonly url: string;
  /** See `createApplicationDatabase`. */
  databaseUrl(name: string): Promise<string>;
}

/**
 * Finds the embedded server that runs on `directory` without owning, starting or stopping it: for commands that are
 * called beside a running server. undefined when none is ready there.
 */
export async function findEmbeddedPostgres(
  directory: string,
): Promise<RunningEmbeddedPostgres | undefined> {
  const resolved = await realpath(directory).catch(() => undefined);
  if (resolved === undefined) return undefined;
  const paths = clusterPaths(resolved);
  const file = await readPostmasterFile(paths.cluster).catch(() => undefined);
  if (file?.status !== "ready" || processIdentity(file.pid) === undefined) return undefined;
  if (!isPostgresOn(file.pid, paths.cluster)) return undefined;
  const password = await readPassword(paths);
  return {
    url: clusterUrl(file.port, password),
    databaseUrl: (name) =>
      createApplicationDatabase(clusterUrl(file.port, password), name, password),
  };
}

export function clusterUrl(port: number, password: string, database: string = SUPERUSER): string {
  return `postgres://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** SQLSTATE cannot_connect_now: starting up or shutting down. */
const notYet = new Set([
  "57P03",
  "ECONNREFUSED",
  "ECONNRESET",
  "CONNECTION_CLOSED",
  "CONNECT_TIMEOUT",
]);

/**
 * Asks the server for its data directory and version, creating Switchyard's database when it is missing. Tries again
 * while the server says that it is starting. Throws `DatabaseError` when it does not answer within `timeoutMs`.
 */
export async function greetCluster(
  port: number,
  password: string,
  timeoutMs: number,
): Promise<{ readonly dataDirectory: string; readonly version: string }> {
  const url = clusterUrl(port, password);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await askCluster(url, deadline - performance.now());
    } catch (error) {
      const code = errorCode(error) ?? "";
      if (code === "3D000") await createOwnDatabase(port, password);
      else if (!notYet.has(code) || performance.now() > deadline) throw connectError(url, error);
    }
    await sleep(10);
  }
}

async function askCluster(
  url: string,
  timeoutMs: number,
): Promise<{ readonly dataDirectory: string; readonly version: string }> {
  const sql = postgres(url, {
    max: 1,
    fetch_types: false,
    backoff: false,
    connect_timeout: Math.max(1, timeoutMs / 1000),
    onnotice: () => undefined,
  });
  try {
    const rows = await sql<{ dataDirectory: string; version: string }[]>`
      select current_setting('data_directory') as "dataDirectory", current_setting('server_version') as version`;
    return rows[0] ?? { dataDirectory: "", version: "" };
  } finally {
    await sql.end({ timeout: 0 });
  }
}

async function createOwnDatabase(port: number, password: string): Promise<void> {
  const sql = postgres(clusterUrl(port, password, "postgres"), {
    max: 1,
    onnotice: () => undefined,
  });
  try {
    await sql.unsafe(`create database ${SUPERUSER}`);
    // The roles of applications have databases of their own.
    await sql.unsafe(`revoke all on database ${SUPERUSER}, postgres from public`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
