import { spawn, spawnSync } from "node:child_process";
import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError } from "../database-error.ts";
import type { ClusterPaths } from "./cluster.ts";
import { logFileSize, openLogFile, readLogFrom } from "./log-file.ts";
import type { PlatformBinaries } from "./platform-binaries.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { isStillRunning, processIdentity } from "./process-identity.ts";
import type { SystemUser } from "./system-user.ts";

const POLL_MS = 10;
/** After an immediate shutdown was asked for: PostgreSQL itself kills stubborn children after five seconds. */
const IMMEDIATE_STOP_MS = 8_000;

/** A running PostgreSQL server process: spawned by us, or left over from an earlier owner. */
export interface Postmaster {
  readonly pid: number;
  readonly identity: string;
  readonly port: number;
}

export interface SpawnOptions {
  readonly paths: ClusterPaths;
  readonly binaries: PlatformBinaries;
  readonly user: SystemUser | undefined;
  readonly port: number;
  /** `performance.now()` after which waiting for readiness ends. Crash recovery counts. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

export type SpawnOutcome =
  | { readonly kind: "ready"; readonly postmaster: Postmaster }
  /** It ended before it was ready; `why` tells whether another try makes sense. */
  | {
      readonly kind: "exited";
      readonly why: "portTaken" | "dataInUse" | "other";
      readonly logTail: string;
    };

/**
 * Starts PostgreSQL in a session of its own, so that neither Ctrl-C nor the end of our process group reaches it, and
 * waits until it accepts connections. Throws `DatabaseError` (`startFailed`) at the deadline, when it is stopped again.
 */
export async function spawnPostmaster(options: SpawnOptions): Promise<SpawnOutcome> {
  const { paths, binaries, user, port } = options;
  const logStart = logFileSize(paths.log);
  const log = openLogFile(paths.log);
  const args = [
    ...["-D", paths.cluster, "-p", String(port)],
    // TCP on the loopback only: paths of Unix sockets are limited to some hundred bytes.
    ...["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
  ];
  const child = spawn(binaries.postgres, args, {
    detached: true,
    windowsHide: true,
    cwd: paths.cluster,
    stdio: ["ignore", log, log],
    // lc_messages of the cluster is C, but what is said before that is read follows the environment.
    env: { ...process.env, LC_ALL: "C" },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  closeSync(log);
  child.unref();
  let ended: { readonly error?: Error } | undefined;
  child.once("error", (error) => (ended = { error }));
  child.once("exit", () => (ended = {}));

  for (;;) {
    const file = await readPostmasterFile(paths.cluster);
    if (ended !== undefined) {
      if (ended.error !== undefined) throw notRunnable(binaries, ended.error);
      const logTail = await readLogFrom(paths.log, logStart);
      return { kind: "exited", why: reasonOf(logTail), logTail };
    }
    const { pid } = child;
    if (pid !== undefined && file?.pid === pid && file.status === "ready") {
      const identity = processIdentity(pid);
      if (identity !== undefined)
        return { kind: "ready", postmaster: { pid, identity, port: file.port } };
    }
    if (options.signal.aborted || performance.now() > options.deadline) {
      const identity = pid === undefined ? undefined : processIdentity(pid);
      if (pid !== undefined && identity !== undefined) {
        await stopPostmaster({ pid, identity, port }, paths, binaries, 1_000);
      }
      throw new DatabaseError(
        "startFailed",
        options.signal.aborted
          ? "The start of PostgreSQL was cancelled."
          : `PostgreSQL in ${paths.directory} was not ready in time. Its last words are in ${paths.log}:\n` +
              (await readLogFrom(paths.log, logStart)),
      );
    }
    await sleep(POLL_MS);
  }
}

/**
 * Stops with a fast shutdown (sessions are ended, a checkpoint is written), and after `timeoutMs` with an immediate one
 * (crash recovery at the next start, nothing committed is lost). Resolves when the process is gone.
 * Throws `DatabaseError` (`stopFailed`) when even that does not help.
 */
export async function stopPostmaster(
  postmaster: Postmaster,
  paths: ClusterPaths,
  binaries: PlatformBinaries,
  timeoutMs: number,
): Promise<"fast" | "immediate"> {
  sendStop(postmaster, "fast", paths, binaries);
  if (await waitUntilGone(postmaster, timeoutMs)) return "fast";
  sendStop(postmaster, "immediate", paths, binaries);
  if (await waitUntilGone(postmaster, IMMEDIATE_STOP_MS)) return "immediate";
  throw new DatabaseError(
    "stopFailed",
    `PostgreSQL, process ${postmaster.pid} on ${paths.cluster}, does not stop. See ${paths.log}.`,
  );
}

export function isRunning(postmaster: Postmaster): boolean {
  return isStillRunning(postmaster.pid, postmaster.identity);
}

async function waitUntilGone(postmaster: Postmaster, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(postmaster)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function sendStop(
  postmaster: Postmaster,
  mode: "fast" | "immediate",
  paths: ClusterPaths,
  binaries: PlatformBinaries,
): void {
  if (!isRunning(postmaster)) return;
  if (process.platform === "win32") {
    // There are no signals; pg_ctl speaks PostgreSQL's own pipe.
    spawnSync(binaries.pgCtl, ["stop", "-W", "-m", mode, "-D", paths.cluster], {
      stdio: "ignore",
      windowsHide: true,
    });
    return;
  }
  try {
    process.kill(postmaster.pid, mode === "fast" ? "SIGINT" : "SIGQUIT");
  } catch {
    // gone in between
  }
}

/** The server's log is the only place where it says why it did not start. Messages are in English (LC_ALL). */
function reasonOf(logTail: string): "portTaken" | "dataInUse" | "other" {
  if (/Address already in use|could not create any TCP\/IP sockets/.test(logTail))
    return "portTaken";
  if (/pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(logTail))
    return "dataInUse";
  return "other";
}

function notRunnable(binaries: PlatformBinaries, cause: Error): DatabaseError {
  return new DatabaseError(
    "startFailed",
    `${binaries.postgres} cannot be run: ${cause.message}`,
    cause,
  );
}
