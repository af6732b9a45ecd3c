import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copyFolder, makeTemporaryFolder, removeFolder } from "../../test/temporary-folder.ts";
import { locateBinaries } from "./platform-binaries.ts";
import { chooseUser } from "./system-user.ts";

let folder: string;

beforeEach(async () => {
  folder = await makeTemporaryFolder();
});

afterEach(() => removeFolder(folder));

/** A copy of the platform package as npm unpacks it: without links. */
async function unpackPackage(): Promise<string> {
  const { root } = await locateBinaries(folder, undefined);
  const copy = join(folder, "package");
  copyFolder(dirname(root), copy);
  const libraries = join(copy, "native", "lib");
  for (const entry of await readdir(libraries, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(libraries, entry.name));
  }
  return copy;
}

test("makes the links that npm does not keep, also when several do so at once", async () => {
  const copy = await unpackPackage();
  const found = await Promise.all([1, 2, 3].map(() => locateBinaries(folder, undefined, copy)));
  const [{ initdb, version, major } = { initdb: "", version: "", major: 0 }] = found;
  expect(initdb.startsWith(copy)).toBe(true);
  const answer = spawnSync(initdb, ["--version"], { encoding: "utf8" });
  expect(answer.stdout).toContain(`(PostgreSQL) ${version}`);
  expect(version.startsWith(`${major}.`)).toBe(true);
  if (process.platform === "linux") {
    expect((await lstat(join(copy, "native", "lib", "libpq.so.5"))).isSymbolicLink()).toBe(true);
  }
});

test.skipIf(process.getuid?.() !== 0)(
  "root: binaries that the user cannot reach are copied, once",
  async () => {
    const copy = await unpackPackage();
    await chmod(copy, 0o700);
    const cache = join(folder, "cache");
    const user = chooseUser(folder, join(cache, "cluster"), {});
    const found = await locateBinaries(cache, user, copy);
    expect(found.root).toBe(join(cache, `binaries-${found.version}`, "native"));
    const answer = spawnSync(found.postgres, ["--version"], {
      encoding: "utf8",
      uid: user?.uid,
      gid: user?.gid,
    });
    expect(answer.stdout).toContain(found.version);

    const made = (await lstat(found.root)).ctimeMs;
    expect((await locateBinaries(cache, user, copy)).root).toBe(found.root);
    expect((await lstat(found.root)).ctimeMs).toBe(made);
    expect(await readdir(cache)).toEqual([`binaries-${found.version}`]);
  },
);
