import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { DatabaseError, errorCode } from "../database-error.ts";
import type { PlatformBinaries } from "./platform-binaries.ts";
import { giveTree } from "./system-user.ts";
import type { SystemUser } from "./system-user.ts";

/** The superuser of the embedded server, and the database that Switchyard keeps its own tables in. */
export const SUPERUSER = "switchyard";

/** Where things lie below the directory that the embedded server is given. */
export interface ClusterPaths {
  readonly directory: string;
  /** PostgreSQL's own data directory. */
  readonly cluster: string;
  /** The superuser's password, mode 0600. Read by us alone. */
  readonly password: string;
  /** The port of last time, so that addresses handed to applications stay valid. */
  readonly port: string;
  readonly log: string;
}

export function clusterPaths(directory: string): ClusterPaths {
  return {
    directory,
    cluster: join(directory, "cluster"),
    password: join(directory, "password"),
    port: join(directory, "port"),
    log: join(directory, "postgres.log"),
  };
}

/**
 * Settings for a laptop, written into postgresql.conf once, where they may be edited. `wal_level` is there from the
 * beginning because changing it later needs a restart; the limit on what replication slots hold back keeps a
 * forgotten reader from filling the disk.
 */
const settings: Readonly<Record<string, string>> = {
  wal_level: "logical",
  fsync: "on",
  synchronous_commit: "on",
  max_connections: "100",
  shared_buffers: "128MB",
  max_wal_size: "1GB",
  max_slot_wal_keep_size: "2GB",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] %q%u@%d ",
};

/**
 * Makes sure that a whole cluster is there. A new one is made in a folder of its own and renamed into place, after its
 * password: a kill at any moment leaves either nothing that counts or everything. Costs about a second the first time.
 * Only the owner of the directory may call this.
 */
export async function prepareCluster(
  paths: ClusterPaths,
  binaries: PlatformBinaries,
  user: SystemUser | undefined,
): Promise<"created" | "found"> {
  await removeHalfMade(paths.directory);
  const version = await readClusterVersion(paths.cluster);
  if (version === undefined) {
    await createCluster(paths, binaries, user);
    return "created";
  }
  if (version !== binaries.major) {
    throw new DatabaseError(
      "unsuitable",
      `The database in ${paths.cluster} belongs to PostgreSQL ${version}, and this version brings PostgreSQL ` +
        `${binaries.major}. Dump it with the version that made it and load the dump into a new data directory.`,
    );
  }
  await checkOwner(paths.cluster, user);
  return "found";
}

/** The superuser's password. Throws `DatabaseError` (`folder`) when the file is gone or not ours. */
export async function readPassword(paths: ClusterPaths): Promise<string> {
  try {
    return (await readFile(paths.password, "utf8")).trim();
  } catch (error) {
    throw new DatabaseError(
      "folder",
      `The password of the database in ${paths.directory} cannot be read from ${paths.password} ` +
        `(${errorCode(error) ?? "unreadable"}). Put the file back from a backup, or start as the user that it belongs to.`,
      error,
    );
  }
}

/** The major version that made the cluster; undefined when there is none. */
async function readClusterVersion(cluster: string): Promise<number | undefined> {
  try {
    return Number.parseInt(await readFile(join(cluster, "PG_VERSION"), "utf8"), 10);
  } catch (error) {
    const code = errorCode(error);
    if (code !== "ENOENT") throw unreadable(cluster, error);
  }
  const entries = await readdir(cluster).catch(() => []);
  if (entries.length === 0) return undefined;
  throw new DatabaseError(
    "folder",
    `${cluster} is neither empty nor a PostgreSQL data directory. Move it away, or choose another data directory.`,
  );
}

async function createCluster(
  paths: ClusterPaths,
  binaries: PlatformBinaries,
  user: SystemUser | undefined,
): Promise<void> {
  const fresh = join(paths.directory, `init-${randomBytes(4).toString("hex")}`);
  const data = join(fresh, "data");
  const passwordFile = join(fresh, "password");
  const password = randomBytes(24).toString("base64url");
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) giveTree(fresh, user);

  await runInitdb(binaries, data, passwordFile, user);

  await rm(paths.password, { force: true });
  await writeDurably(paths.password, password);
  await rm(paths.cluster, { recursive: true, force: true }); // at most an empty folder
  await rename(data, paths.cluster);
  await syncFolder(paths.directory);
  await rm(fresh, { recursive: true, force: true });
}

async function runInitdb(
  binaries: PlatformBinaries,
  data: string,
  passwordFile: string,
  user: SystemUser | undefined,
): Promise<void> {
  const args = [
    ...["-D", data, "-U", SUPERUSER, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
    // The built-in provider sorts by code point alike on every system, whatever locales it has.
    ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    ...Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]),
  ];
  const options = {
    env: { ...process.env, LC_ALL: "C" },
    cwd: binaries.root,
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  };
  await new Promise<void>((resolve, reject) => {
    execFile(binaries.initdb, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve();
      const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-6).join("\n");
      reject(
        new DatabaseError(
          "startFailed",
          `initdb could not make a database in ${data}:\n${said}`,
          error,
        ),
      );
    });
  });
}

/** Best effort: an initdb that outlived its owner may still write there, and then the next start removes it. */
async function removeHalfMade(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith("init-")) continue;
    await rm(join(directory, entry), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function checkOwner(cluster: string, user: SystemUser | undefined): Promise<void> {
  const { uid } = await stat(cluster);
  if (user !== undefined) {
    if (uid !== user.uid) giveTree(cluster, user); // copied or restored by root
    return;
  }
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) {
    throw new DatabaseError(
      "folder",
      `${cluster} belongs to the user with id ${uid}, and this server runs as ${self}. ` +
        `Start it as that user or as root, or give the folder away: chown -R ${self} ${cluster}`,
    );
  }
}

function unreadable(cluster: string, cause: unknown): DatabaseError {
  return new DatabaseError(
    "folder",
    `${cluster} cannot be read (${errorCode(cause) ?? "unknown"}). Start the server as the user that it belongs to.`,
    cause,
  );
}

/** Writes a small file so that it is there, whole and with mode 0600, or not at all. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

async function syncFolder(directory: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes the directory, for us alone or, under another user's server, to be passed through but not looked into. */
export async function prepareDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await chmod(directory, process.getuid?.() === 0 ? 0o711 : 0o700);
  } catch (error) {
    throw notOurs(directory, error);
  }
}

/** Makes a folder and, as root, lets others pass through it. */
export async function prepareFolderAbove(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const { mode } = await stat(folder);
    if (process.getuid?.() === 0 && (mode & 0o1) === 0) await chmod(folder, (mode & 0o777) | 0o1);
  } catch (error) {
    throw notOurs(folder, error);
  }
}

function notOurs(directory: string, cause: unknown): DatabaseError {
  return new DatabaseError(
    "folder",
    `The data directory ${directory} cannot be made or is not ours (${errorCode(cause) ?? "unknown"}). ` +
      "Choose another one with SWITCHYARD_DATA_DIR.",
    cause,
  );
}
