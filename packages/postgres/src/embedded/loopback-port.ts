import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { errorCode } from "../database-error.ts";

// Below the ranges from which systems take the ports of outgoing connections (Linux from 32768, others from 49152),
// so that nobody gets the port while PostgreSQL is restarted.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const TRIES = 50;

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isFree(port)) return port;
  }
  throw new Error(
    `None of ${TRIES} ports tried between ${LOWEST_PORT} and ${HIGHEST_PORT} is free on 127.0.0.1.`,
  );
}

/** The port noted at `path`; undefined when there is none. */
export async function readPort(path: string): Promise<number | undefined> {
  try {
    const port = Number(await readFile(path, "utf8"));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
