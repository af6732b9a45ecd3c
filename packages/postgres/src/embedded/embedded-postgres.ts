import { realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createApplicationDatabase } from "../application-database.ts";
import { DatabaseError } from "../database-error.ts";
import type { Log } from "@switchyard/core";
import { clusterUrl, greetCluster } from "./cluster-connection.ts";
import {
  clusterPaths,
  prepareCluster,
  prepareDirectory,
  prepareFolderAbove,
  readPassword,
  writeDurably,
} from "./cluster.ts";
import type { ClusterPaths } from "./cluster.ts";
import { boundLogFile } from "./log-file.ts";
import { findFreePort, readPort } from "./loopback-port.ts";
import { claimOwnership } from "./owner-lock.ts";
import type { OwnerLock } from "./owner-lock.ts";
import { locateBinaries } from "./platform-binaries.ts";
import type { PlatformBinaries } from "./platform-binaries.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { isRunning, spawnPostmaster, stopPostmaster } from "./postmaster.ts";
import type { Postmaster } from "./postmaster.ts";
import { hasProcess, isPostgresOn, processIdentity } from "./process-identity.ts";
import { chooseUser } from "./system-user.ts";
import type { Environment, SystemUser } from "./system-user.ts";

export interface EmbeddedPostgresOptions {
  /** Made when missing; holds the cluster, its password, its log. Typically `<data directory>/postgres`. */
  readonly directory: string;
  /**
   * A folder above `directory` that is the server's own as well, typically its data directory. As root it is opened
   * for others to pass through (not to look into), because PostgreSQL runs as another user. Default: none.
   */
  readonly ownFolderAbove?: string;
  readonly log: Log;
  /** Told when the server died and could not be brought back in `restartLimit` tries in a row. */
  readonly onGivenUp?: (error: DatabaseError) => void;
  /** Until it accepts connections, crash recovery included. Default 60 000. */
  readonly startTimeoutMs?: number;
  /** Of a fast shutdown, before an immediate one. Default 10 000. */
  readonly stopTimeoutMs?: number;
  /** How long the server of an earlier owner may take to answer before it is stopped and started anew. Default 5 000. */
  readonly adoptionTimeoutMs?: number;
  /** Failed restarts in a row after which it stays down. Default 30: some four minutes. */
  readonly restartLimit?: number;
  /** Names the user who called sudo. Default: the process' own. */
  readonly env?: Environment;
}

/** How often we look whether the server lives: one system call. */
const WATCH_MS = 100;
/** How often we look whether it is still the same process, and no zombie: files are read for that. */
const IDENTITY_CHECK_MS = 1_000;
const LOG_CHECK_MS = 60_000;
const LONGEST_BACKOFF_MS = 10_000;
/** A server that lived this long has started well: the next death begins with the shortest wait again. */
const STABLE_MS = 30_000;

interface Prepared {
  readonly paths: ClusterPaths;
  readonly binaries: PlatformBinaries;
  readonly user: SystemUser | undefined;
  readonly password: string;
}

type State =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting"; readonly abort: AbortController; readonly settled: Promise<void> }
  | {
      readonly kind: "running";
      readonly prepared: Prepared;
      readonly lock: OwnerLock;
      readonly port: number;
      /** undefined while it is down and being restarted. */
      postmaster: Postmaster | undefined;
      readonly abort: AbortController;
      /** Ends after `abort`. */
      watch: Promise<void>;
    };

/**
 * A PostgreSQL server of our own on a data directory: made on the first start, adopted when an earlier owner was
 * killed and left it running, restarted when it dies. At most one live process owns a directory.
 *
 * It runs in a session of its own and survives us; only `stop` ends it. It listens on 127.0.0.1 and asks for a
 * password (SCRAM) that is kept with mode 0600 beside the cluster.
 */
export class EmbeddedPostgres {
  readonly name = "postgres";
  readonly #options: EmbeddedPostgresOptions;
  #state: State = { kind: "stopped" };

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = options;
  }

  /** Of Switchyard's own database, as superuser. Holds the password: not for logs. Stays the same over restarts. */
  get url(): string {
    const { port, prepared } = this.#running();
    return clusterUrl(port, prepared.password);
  }

  /** The server's process; undefined while it is down. */
  get pid(): number | undefined {
    return this.#state.kind === "running" ? this.#state.postmaster?.pid : undefined;
  }

  /** See `createApplicationDatabase`. */
  async databaseUrl(name: string): Promise<string> {
    return createApplicationDatabase(this.url, name, this.#running().prepared.password);
  }

  /**
   * Resolves when the server accepts connections. Throws `DatabaseError`: `owned` when another live process owns the
   * directory, `folder`, `binaries`, `unsuitable` (cluster of another major version), `startFailed` with the server's
   * own last words. After a failure nothing is left running that was not running before.
   */
  async start(): Promise<void> {
    if (this.#state.kind !== "stopped")
      throw new DatabaseError("startFailed", "PostgreSQL has been started already.");
    const abort = new AbortController();
    const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
    this.#state = { kind: "starting", abort, settled };
    let lock: OwnerLock | undefined;
    try {
      const { directory: wanted, ownFolderAbove } = this.#options;
      if (ownFolderAbove !== undefined) await prepareFolderAbove(ownFolderAbove);
      await prepareDirectory(wanted);
      const directory = await realpath(wanted);
      lock = await claimOwnership(directory);
      const prepared = await this.#prepare(directory);
      const postmaster = await this.#adoptOrSpawn(prepared, undefined, abort.signal);
      if (abort.signal.aborted) {
        await stopPostmaster(postmaster, prepared.paths, prepared.binaries, 1_000);
        throw new DatabaseError("startFailed", "The start of PostgreSQL was cancelled.");
      }
      await writeDurably(prepared.paths.port, String(postmaster.port));
      const { port } = postmaster;
      const running = {
        kind: "running" as const,
        prepared,
        lock,
        port,
        postmaster,
        abort,
        watch: Promise.resolve(),
      };
      this.#state = running;
      running.watch = this.#watch(running);
    } catch (error) {
      this.#state = { kind: "stopped" };
      await lock?.release();
      throw error;
    } finally {
      settle();
    }
  }

  /** Stops the server, also an adopted one, and gives the directory free. Idempotent. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (state.kind === "stopped") return;
    state.abort.abort();
    if (state.kind === "starting") return state.settled; // `start` fails, and cleans up
    this.#state = { kind: "stopped" };
    await state.watch;
    const { prepared, lock, postmaster } = state;
    try {
      if (postmaster !== undefined) {
        const mode = await stopPostmaster(
          postmaster,
          prepared.paths,
          prepared.binaries,
          this.#options.stopTimeoutMs ?? 10_000,
        );
        if (mode === "immediate") {
          this.#options.log.warn(
            { pid: postmaster.pid },
            "PostgreSQL took too long and was stopped at once",
          );
        }
      }
    } finally {
      await lock.release();
    }
  }

  #running(): Extract<State, { kind: "running" }> {
    if (this.#state.kind === "running") return this.#state;
    throw new DatabaseError("unreachable", "The embedded PostgreSQL is not started.");
  }

  async #prepare(directory: string): Promise<Prepared> {
    const paths = clusterPaths(directory);
    const user = chooseUser(directory, paths.cluster, this.#options.env ?? process.env);
    const binaries = await locateBinaries(directory, user);
    const startedAt = performance.now();
    const outcome = await prepareCluster(paths, binaries, user);
    if (outcome === "created") {
      const ms = Math.round(performance.now() - startedAt);
      this.#options.log.info(
        { directory, version: binaries.version, user: user?.name, ms },
        "made a new database",
      );
    }
    boundLogFile(paths.log);
    return { paths, binaries, user, password: await readPassword(paths) };
  }

  /**
   * The live server of an earlier owner, or a new one. `port`: the one that it must have; undefined: that of last time
   * when it is free, else any.
   */
  async #adoptOrSpawn(
    prepared: Prepared,
    port: number | undefined,
    signal: AbortSignal,
  ): Promise<Postmaster> {
    const { log, startTimeoutMs = 60_000 } = this.#options;
    const { paths, password } = prepared;
    const deadline = performance.now() + startTimeoutMs;
    const startedAt = performance.now();
    let wanted = port ?? (await readPort(paths.port)) ?? (await findFreePort());
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      const adopted = await this.#adopt(prepared, deadline, signal);
      if (adopted !== undefined) return adopted;
      const outcome = await spawnPostmaster({ ...prepared, port: wanted, deadline, signal });
      if (outcome.kind === "ready") {
        const { postmaster } = outcome;
        try {
          await greetCluster(
            postmaster.port,
            password,
            Math.max(1_000, deadline - performance.now()),
          );
        } catch (error) {
          await stopPostmaster(postmaster, paths, prepared.binaries, 1_000);
          throw error;
        }
        const ms = Math.round(performance.now() - startedAt);
        log.info({ pid: postmaster.pid, port: postmaster.port, ms }, "PostgreSQL is ready");
        return postmaster;
      }
      if (outcome.why === "other" || performance.now() + waitMs > deadline) {
        throw new DatabaseError(
          "startFailed",
          `PostgreSQL in ${paths.directory} did not start. It said:\n${outcome.logTail}`,
        );
      }
      log.warn({ why: outcome.why, waitMs }, "PostgreSQL could not start yet");
      if (outcome.why === "portTaken" && port === undefined) wanted = await findFreePort();
      await sleep(waitMs);
    }
  }

  /** Takes over a server that runs on the cluster without an owner. undefined: there is none (any more). */
  async #adopt(
    prepared: Prepared,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Postmaster | undefined> {
    const { log, stopTimeoutMs = 10_000, adoptionTimeoutMs = 5_000 } = this.#options;
    const { paths, binaries, password } = prepared;
    for (;;) {
      const file = await readPostmasterFile(paths.cluster);
      const identity = file === undefined ? undefined : processIdentity(file.pid);
      if (file === undefined) return undefined;
      if (identity === undefined || !isPostgresOn(file.pid, paths.cluster)) {
        // The file of a server that died. PostgreSQL removes it itself, unless a zombie or a stranger of the same user
        // has the process id now: those it would take for a live server. Sessions that outlived the server are found
        // without the file, by their shared memory.
        if (hasProcess(file.pid)) await rm(join(paths.cluster, "postmaster.pid"), { force: true });
        return undefined;
      }
      const postmaster = { pid: file.pid, identity, port: file.port };
      if (file.status === "ready") {
        const greeting = await greetCluster(file.port, password, adoptionTimeoutMs).catch(
          (error: unknown) => error,
        );
        if (
          isGreeting(greeting) &&
          greeting.version === binaries.version &&
          greeting.dataDirectory === paths.cluster
        ) {
          log.info(
            { pid: file.pid, port: file.port },
            "took over the PostgreSQL that an earlier server left running",
          );
          return postmaster;
        }
        const reason = isGreeting(greeting)
          ? `it is version ${greeting.version}`
          : String(greeting);
        log.warn(
          { pid: file.pid, reason },
          "stopping the PostgreSQL that an earlier server left running",
        );
        await stopPostmaster(postmaster, paths, binaries, stopTimeoutMs);
        continue;
      }
      if (signal.aborted || performance.now() > deadline) {
        throw new DatabaseError(
          "startFailed",
          `PostgreSQL on ${paths.cluster}, process ${file.pid}, has been ${file.status} for too long. See ${paths.log}.`,
        );
      }
      await sleep(20);
    }
  }

  /** Notices the server's death and brings it back, until the abort. Also keeps its log small. */
  async #watch(running: Extract<State, { kind: "running" }>): Promise<void> {
    const { log } = this.#options;
    const { prepared, abort } = running;
    let aliveSince = performance.now();
    let failures = 0;
    while (!abort.signal.aborted) {
      if (running.postmaster !== undefined) {
        await this.#whileAlive(running.postmaster, prepared.paths, abort.signal);
        if (abort.signal.aborted) return;
        if (performance.now() - aliveSince > STABLE_MS) failures = 0;
        log.error({ pid: running.postmaster.pid }, "PostgreSQL died");
        running.postmaster = undefined;
      }
      if (failures > 0) await pause(Math.min(50 * 2 ** failures, LONGEST_BACKOFF_MS), abort.signal);
      if (abort.signal.aborted) return;
      failures += 1; // taken back when it proves stable: a server that dies again at once is a failure too
      try {
        running.postmaster = await this.#adoptOrSpawn(prepared, running.port, abort.signal);
        aliveSince = performance.now();
      } catch (error) {
        if (abort.signal.aborted) return;
        log.error({ error: String(error), failures }, "PostgreSQL could not be restarted");
        if (failures >= (this.#options.restartLimit ?? 30)) {
          const reason = `PostgreSQL in ${prepared.paths.directory} died and did not come back in ${failures} tries.`;
          this.#options.onGivenUp?.(
            new DatabaseError("startFailed", `${reason} See ${prepared.paths.log}.`, error),
          );
          return;
        }
      }
    }
  }

  /** Fulfils when the server is gone, or at the abort. One timer for the whole of its life: it wakes an idle process. */
  #whileAlive(postmaster: Postmaster, paths: ClusterPaths, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let identityChecked = performance.now();
      let logChecked = identityChecked;
      const look = (): void => {
        const now = performance.now();
        const isThorough = now - identityChecked >= IDENTITY_CHECK_MS;
        if (isThorough) identityChecked = now;
        if (!(isThorough ? isRunning(postmaster) : hasProcess(postmaster.pid))) end();
        if (now - logChecked < LOG_CHECK_MS) return;
        logChecked = now;
        this.#boundLog(paths.log);
      };
      const timer = setInterval(look, WATCH_MS);
      timer.unref();
      const end = (): void => {
        clearInterval(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      signal.addEventListener("abort", end);
    });
  }

  #boundLog(path: string): void {
    try {
      boundLogFile(path);
    } catch (error) {
      this.#options.log.warn(
        { error: String(error) },
        "the log of PostgreSQL could not be put aside",
      );
    }
  }
}

function isGreeting(
  value: unknown,
): value is { readonly dataDirectory: string; readonly version: string } {
  return (
    typeof value === "object" && value !== null && "dataDirectory" in value && "version" in value
  );
}

/** Waits without keeping the process alive; an abort ends the wait. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { ref: false, signal }).catch(() => undefined);
}
