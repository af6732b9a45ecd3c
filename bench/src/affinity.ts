import { availableParallelism } from "node:os";

/** Which core runs what. Core 0 is the server's; the generator has the last one. */
export interface Affinity {
  readonly server: readonly string[];
  readonly generator: readonly string[];
  readonly note: string;
}

/** Command prefixes that pin a process (and all its threads and children) to its core; empty where that is impossible. */
export function planAffinity(): Affinity {
  const cores = availableParallelism();
  if (Bun.which("taskset") === null) {
    return {
      server: [],
      generator: [],
      note: "not pinned: taskset is missing, so server and generator may share cores",
    };
  }
  if (cores < 2)
    return {
      server: [],
      generator: [],
      note: "not pinned: one core only, server and generator share it",
    };
  const pinTo = (core: number): readonly string[] => ["taskset", "-c", String(core)];
  return {
    server: pinTo(0),
    generator: pinTo(cores - 1),
    note: `server on core 0, generator on core ${cores - 1} of ${cores} (taskset)`,
  };
}
