import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, errorCode } from "../database-error.ts";
import { isSameProcess, processIdentity } from "./process-identity.ts";

/** Two that start in the same instant see each other and both step back; after this many rounds both give up. */
const CLAIM_ROUNDS = 8;
const claimName = /^owner\.(\d+)$/;

/** The one process that may start, adopt and stop the PostgreSQL of a directory. */
export interface OwnerLock {
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * Claims `directory` with a file `owner.<pid>` that holds the process' identity. First the own claim is written,
 * then the others' are read, so that of two processes at least one sees the other: two owners are impossible.
 * Claims of processes that are gone are removed; kill -9 therefore needs no cleaning up.
 * Throws `DatabaseError` (`owned`) naming the live owner.
 */
export async function claimOwnership(directory: string): Promise<OwnerLock> {
  const own = join(directory, `owner.${process.pid}`);
  const identity = processIdentity(process.pid) ?? "";
  if (await isOwnClaim(own, identity)) throw ownedBy(directory, process.pid);

  for (let round = 1; ; round += 1) {
    await writeFile(`${own}.new`, identity, { mode: 0o600 });
    await rename(`${own}.new`, own);
    const other = await findOtherOwner(directory);
    if (other === undefined) return { release: () => rm(own, { force: true }) };
    await rm(own, { force: true });
    if (round === CLAIM_ROUNDS) throw ownedBy(directory, other);
    await sleep(10 + Math.random() * 40);
  }
}

async function findOtherOwner(directory: string): Promise<number | undefined> {
  for (const [pid, identity] of await readClaims(directory)) {
    if (pid === process.pid) continue;
    if (isSameProcess(pid, identity)) return pid;
    await rm(join(directory, `owner.${pid}`), { force: true });
  }
  return undefined;
}

async function readClaims(
  directory: string,
): Promise<readonly (readonly [pid: number, identity: string])[]> {
  const claims: (readonly [number, string])[] = [];
  for (const file of await readdir(directory)) {
    const pid = claimName.exec(file)?.[1];
    if (pid === undefined) continue;
    try {
      claims.push([Number(pid), await readFile(join(directory, file), "utf8")]);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error; // released since the folder was read
    }
  }
  return claims;
}

async function isOwnClaim(path: string, identity: string): Promise<boolean> {
  try {
    return (await readFile(path, "utf8")) === identity;
  } catch {
    return false;
  }
}

function ownedBy(directory: string, pid: number): DatabaseError {
  return new DatabaseError(
    "owned",
    `The data directory ${directory} is in use by another server, process ${pid}. ` +
      "Stop that one first, or give this one a data directory of its own.",
  );
}
