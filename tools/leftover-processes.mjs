// Finds processes that a test run has started and not ended.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Set for every test process; a process that moved to a session of its own (PostgreSQL, a daemon) still carries it. */
export const RUN_VARIABLE = "SWITCHYARD_TEST_RUN";

/**
 * Living processes of a run: members of the process group or session `group`; on Linux also those with the run's variable
 * in their environment or working in its temporary folder (PostgreSQL overwrites its environment with its title).
 * Each is `{ pid, command }`.
 */
export function leftoverProcesses({ group, runId, temporaryFolder }) {
  const processes =
    process.platform === "linux" ? linuxProcesses(runId, temporaryFolder) : psProcesses();
  return processes.filter(
    ({ pid, pgid, session, marked }) =>
      pid !== process.pid && (pgid === group || session === group || marked),
  );
}

/** Waits until none is left, at most `graceMs`; returns those that are. */
export async function settledLeftovers(run, graceMs) {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const left = leftoverProcesses(run);
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

function linuxProcesses(runId, temporaryFolder) {
  const marker = `${RUN_VARIABLE}=${runId}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = read(`/proc/${name}/stat`);
      // After the parenthesised command: state, ppid, pgrp, session (proc(5)).
      const [state, , pgid, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (stat === "" || state === "Z" || state === "X") return [];
      const command = read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      const marked =
        `${read(`/proc/${name}/environ`)}\0`.includes(marker) ||
        `${workingFolder(name)}/`.startsWith(`${temporaryFolder}/`);
      return [{ pid: Number(name), pgid: Number(pgid), session: Number(session), marked, command }];
    });
}

/** Empty for a process that has ended meanwhile or belongs to another user. */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function workingFolder(name) {
  try {
    return readlinkSync(`/proc/${name}/cwd`);
  } catch {
    return "";
  }
}

function psProcesses() {
  const { stdout } = spawnSync("ps", ["-axo", "pid=,pgid=,state=,command="], { encoding: "utf8" });
  return (stdout ?? "").split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null || match[3].startsWith("Z")) return [];
    return [
      {
        pid: Number(match[1]),
        pgid: Number(match[2]),
        session: undefined,
        marked: false,
        command: match[4],
      },
    ];
  });
}
