import { lchownSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseError, errorCode } from "../database-error.ts";

/** Whom PostgreSQL runs as. undefined: as ourselves. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * PostgreSQL refuses to run as root. Then it runs as the owner of the cluster that is there, else as the first of the
 * user who called sudo, `postgres` and `nobody` that can enter `directory`. Throws `DatabaseError` (`folder`) naming
 * the folder that is in the way when none can.
 */
export function chooseUser(
  directory: string,
  cluster: string,
  env: Environment,
): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(cluster, { throwIfNoEntry: false });
  const candidates =
    owner !== undefined && owner.uid !== 0 ? [ownerOf(owner)] : userCandidates(env);
  const [first] = candidates;
  if (first === undefined) {
    throw new DatabaseError(
      "folder",
      "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody. " +
        "Create one of them, start the server as another user, or set SWITCHYARD_DATABASE_URL.",
    );
  }
  const fitting = candidates.find((user) => blockingFolder(directory, user) === undefined);
  if (fitting !== undefined) return fitting;
  const folder = blockingFolder(directory, first) ?? directory;
  throw new DatabaseError(
    "folder",
    `PostgreSQL does not run as root, and the user ${first.name} cannot enter ${folder}, which is above its data ` +
      `in ${directory}. Choose another place with SWITCHYARD_DATA_DIR, or let others pass: chmod o+x ${folder}`,
  );
}

/** The first folder from the root down to `directory`, itself included, that `user` may not pass through. */
export function blockingFolder(directory: string, user: SystemUser): string | undefined {
  const chain: string[] = [];
  for (let folder = resolve(directory); ; folder = dirname(folder)) {
    chain.unshift(folder);
    if (dirname(folder) === folder) break;
  }
  return chain.find((folder) => !allows(statSync(folder), user, 0o1));
}

/** Whether `user` can read or run everything under `directory` by its modes; a fault anywhere makes it false. */
export function canReadTree(directory: string, user: SystemUser): boolean {
  try {
    if (!allows(statSync(directory), user, 0o5)) return false;
    return readdirSync(directory, { withFileTypes: true }).every((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return canReadTree(path, user);
      return allows(statSync(path), user, 0o4);
    });
  } catch {
    return false;
  }
}

/** Gives a folder and all below it to `user`. Costs one call per file: about 50 ms for a fresh cluster. */
export function giveTree(directory: string, user: SystemUser): void {
  lchownSync(directory, user.uid, user.gid);
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    lchownSync(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
}

// Access lists are not seen here. Supplementary groups are given up when the server is spawned.
function allows(stats: Stats, user: SystemUser, bits: number): boolean {
  if (stats.uid === user.uid) return ((stats.mode >> 6) & bits) === bits;
  if (stats.gid === user.gid) return ((stats.mode >> 3) & bits) === bits;
  return (stats.mode & bits) === bits;
}

function ownerOf(stats: Stats): SystemUser {
  const name = readUsers().find((user) => user.uid === stats.uid)?.name ?? String(stats.uid);
  return { name, uid: stats.uid, gid: stats.gid };
}

function userCandidates(env: Environment): readonly SystemUser[] {
  const candidates: SystemUser[] = [];
  const uid = Number(env["SUDO_UID"]);
  const gid = Number(env["SUDO_GID"]);
  if (uid > 0 && gid > 0) candidates.push({ name: env["SUDO_USER"] ?? String(uid), uid, gid });
  const users = readUsers();
  for (const name of ["postgres", "nobody"]) {
    const user = users.find((entry) => entry.name === name);
    if (user !== undefined) candidates.push(user);
  }
  return candidates;
}

function readUsers(): readonly SystemUser[] {
  let text: string;
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    // macOS writes nobody as -2
    return name === undefined || uid === undefined || gid === undefined || Number(uid) < 0
      ? []
      : [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}
