import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { errorCode } from "../database-error.ts";

/** Where the system does not tell when a process started. Such a process is told from others by its id alone. */
const UNKNOWN_RUN = "unknown";

/**
 * What tells this run of process `pid` from a later one with the same id: the time it started, in the system's own
 * units, and the boot. undefined when no such process runs; a zombie does not run.
 */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") return linuxIdentity(pid);
  if (process.platform === "win32") return signalReaches(pid) ? UNKNOWN_RUN : undefined;
  const [state = "", ...started] = processStatus(pid, "stat=,lstart=").split(/\s+/);
  return state === "" || state.startsWith("Z") ? undefined : started.join(" ");
}

/** Whether the system has an entry for `pid`, if only a zombie's. This is how PostgreSQL itself looks. */
export function hasProcess(pid: number): boolean {
  return signalReaches(pid);
}

/**
 * True while the run of `pid` that had `identity` lasts. Cheap enough to be asked ten times a second: where the
 * identity costs a process of its own to find out, only the id is looked at.
 */
export function isStillRunning(pid: number, identity: string): boolean {
  return process.platform === "linux" ? isSameProcess(pid, identity) : signalReaches(pid);
}

/** True when the process `pid` of now is the run that had `identity`. */
export function isSameProcess(pid: number, identity: string): boolean {
  const current = processIdentity(pid);
  return (
    current !== undefined &&
    (current === identity || current === UNKNOWN_RUN || identity === UNKNOWN_RUN)
  );
}

/**
 * Whether the live process `pid` is a PostgreSQL server on `dataDirectory`, as far as the system lets us see.
 * A process id in a stale file may by now belong to anything.
 */
export function isPostgresOn(pid: number, dataDirectory: string): boolean {
  if (process.platform === "win32") return true; // not to be seen without native calls; the connection test decides
  const command =
    process.platform === "linux" ? linuxCommand(pid) : processStatus(pid, "command=").split(" ");
  if (!/^(postgres|postmaster)(\.exe)?:?$/.test(basename(command[0] ?? ""))) return false;
  return command.join(" ").includes(dataDirectory) || workingDirectory(pid) === dataDirectory;
}

function linuxIdentity(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // With hidepid, processes of other users have no entry.
    return signalReaches(pid) ? UNKNOWN_RUN : undefined;
  }
  // The second field, the name in parentheses, may itself hold blanks and parentheses. proc_pid_stat(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  if (state === "Z" || state === "X") return undefined;
  const startedTicks = fields[19];
  return `${bootId()}/${startedTicks}`;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function linuxCommand(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // another user's process, or no /proc
  }
}

function processStatus(pid: number, format: string): string {
  const result = spawnSync("ps", ["-o", format, "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  return result.status === 0 ? result.stdout.trim() : "";
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
