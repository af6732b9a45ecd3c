import { readdirSync, readFileSync } from "node:fs";

/** Linux reports process times in clock ticks of 10 ms (USER_HZ, 100 on every supported architecture). */
const TICKS_PER_SECOND = 100;

/** User and system time of all threads of a process so far. 0 when the process is gone or the system is not Linux. */
export function processCpuSeconds(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** A process and all its descendants, children that have ended and been waited for included. */
export function treeCpuSeconds(root: number): number {
  // cutime and cstime are the 14th and 15th field after the name. Only the root's: it waits for all of its children.
  const stat = readProc(`/proc/${root}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ended = (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / TICKS_PER_SECOND;
  return processTree(root).reduce((sum, pid) => sum + processCpuSeconds(pid), ended);
}

/** Memory of a process and all its descendants in bytes; what they share counts once. */
export function treePssBytes(root: number): number {
  const kibibytes = processTree(root).map((pid) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0),
  );
  return kibibytes.reduce((sum, one) => sum + one, 0) * 1024;
}

/** The process, its children, their children and so on; those that are there at the moment. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readDirectory("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readProc(`/proc/${entry}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Time that all cores together were not idle so far, without what a hypervisor took. 0 when the system is not Linux. */
export function machineCpuSeconds(): number {
  // cpu user nice system idle iowait irq softirq steal guest guest_nice; guest time is within user and nice.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    readProc("/proc/stat").split("\n", 1)[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Resident memory in bytes. 0 when the process is gone or the system is not Linux. */
export function processRssBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/status`))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
