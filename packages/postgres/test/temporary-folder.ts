import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY_FOLDER = "/dev/shm";
const MEMORY_NEEDED = 1024 ** 3;

/**
 * A folder that every user can pass through: under root, PostgreSQL runs as another one. In memory where there is
 * enough of it, because making and removing the thousand files of a cluster takes seconds on a busy disk.
 */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(
    join((await hasMemoryFolder()) ? MEMORY_FOLDER : tmpdir(), "switchyard-postgres-"),
  );
  await chmod(folder, 0o755);
  return folder;
}

async function hasMemoryFolder(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(MEMORY_FOLDER);
    return bavail * bsize > MEMORY_NEEDED;
  } catch {
    return false;
  }
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Copies with owners and modes, which a cluster needs. */
export function copyFolder(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cp failed: ${stderr}`);
}
