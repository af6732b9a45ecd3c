import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../src/embedded/loopback-port.ts";
import { readPostmasterFile } from "../src/embedded/postmaster-file.ts";
import { chooseUser } from "../src/embedded/system-user.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";
import { waitFor } from "./wait-for.ts";

/** Where Debian puts the oldest version that is supported. */
const binaries = "/usr/lib/postgresql/15/bin";

export interface SystemPostgres {
  readonly url: string;
  close(): Promise<void>;
}

export const hasSystemPostgres = existsSync(join(binaries, "initdb"));

/** A PostgreSQL 15 that is none of ours: what `SWITCHYARD_DATABASE_URL` points to. */
export async function openSystemPostgres(): Promise<SystemPostgres> {
  const folder = await makeTemporaryFolder();
  const data = join(folder, "data");
  const user = chooseUser(folder, data, {});
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(folder, "password"), "secret word/1");
  if (user !== undefined) await chown(data, user.uid, user.gid);

  const init = spawnSync(
    join(binaries, "initdb"),
    [
      "-D",
      data,
      "-U",
      "owner",
      `--pwfile=${join(folder, "password")}`,
      "-A",
      "scram-sha-256",
      "-E",
      "UTF8",
      "--locale=C",
      "-N",
    ],
    { ...identity, cwd: folder, encoding: "utf8" },
  );
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr}`);
  const port = await findFreePort();
  const server = spawn(
    join(binaries, "postgres"),
    [
      "-D",
      data,
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
    ],
    { ...identity, cwd: folder, stdio: "ignore" },
  );
  const exited = once(server, "exit");
  await waitFor(
    "PostgreSQL 15 is ready",
    async () => (await readPostmasterFile(data))?.status === "ready",
  );
  return {
    url: `postgres://owner:${encodeURIComponent("secret word/1")}@127.0.0.1:${port}/postgres`,
    close: async () => {
      server.kill("SIGINT");
      await exited;
      await removeFolder(folder);
    },
  };
}
