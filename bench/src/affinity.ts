import { availableParallelism } from "node:os";

/** Which core runs what. Core 0 is the server's; the generator has the last one. */
export interface Affinity {
  readonly server: readonly string[];
  readonly generator: readonly string[];
  /** For a server of several processes or threads that is given both cores. */
  readonly both: readonly string[];
  /** undefined: nothing is pinned. */
  readonly generatorCore: number | undefined;
  readonly note: string;
}

/** Command prefixes that pin a process (and all its threads and children) to its core; empty where that is impossible. */
export function planAffinity(): Affinity {
  const cores = availableParallelism();
  if (Bun.which("taskset") === null) {
    return {
      server: [],
      generator: [],
      both: [],
      generatorCore: undefined,
      note: "not pinned: taskset is missing, so server and generator may share cores",
    };
  }
  if (cores < 2)
    return {
      server: [],
      generator: [],
      both: [],
      generatorCore: undefined,
      note: "not pinned: one core only, server and generator share it",
    };
  const pinTo = (list: string): readonly string[] => ["taskset", "-c", list];
  return {
    server: pinTo("0"),
    generator: pinTo(String(cores - 1)),
    both: pinTo(`0,${cores - 1}`),
    generatorCore: cores - 1,
    note: `server on core 0, generator on core ${cores - 1} of ${cores} (taskset)`,
  };
}

/** Moves running processes, with all their threads, to a core; what they start from now on follows. */
export function moveToCore(pids: readonly number[], core: number): void {
  for (const pid of pids) Bun.spawnSync(["taskset", "-a", "-c", "-p", String(core), String(pid)]);
}
