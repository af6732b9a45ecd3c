import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../database-error.ts";

/** What a running PostgreSQL writes into `postmaster.pid` of its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  /** TCP port; 0 until the server has one. */
  readonly port: number;
  readonly status: "starting" | "ready" | "stopping";
}

/** undefined when there is no such file, or only the beginning of one. */
export async function readPostmasterFile(
  dataDirectory: string,
): Promise<PostmasterFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDirectory, "postmaster.pid"), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  // Lines: pid, data directory, start time, port, socket folder, address, shared memory, status (pidfile.h).
  const lines = text.split("\n").map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const status = lines[7];
  return {
    pid,
    port: Number(lines[3]) || 0,
    status: status === "ready" || status === "stopping" ? status : "starting",
  };
}
