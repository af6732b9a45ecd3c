import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningServer } from "@switchyard/testkit";

/** The processes of a server's embedded PostgreSQL. */
export class EmbeddedDatabase {
  readonly #server: RunningServer;
  /** Stopped ones, the postmaster first. */
  #frozen: readonly number[] = [];

  constructor(server: RunningServer) {
    this.#server = server;
  }

  /** SIGSTOP to all of it. */
  freeze(): void {
    const file = join(this.#server.dataDir, "postgres", "cluster", "postmaster.pid");
    const postmaster = Number(readFileSync(file, "utf8").split("\n", 1)[0]);
    process.kill(postmaster, "SIGSTOP"); // it makes no more of them
    const children = childrenOf(postmaster);
    for (const pid of children) signal(pid, "SIGSTOP");
    this.#frozen = [postmaster, ...children];
  }

  thaw(): void {
    this.#signal("SIGCONT");
  }

  /** SIGKILL to all of it at once. Its server starts it again. */
  kill(): void {
    this.freeze();
    this.#signal("SIGKILL");
  }

  #signal(name: NodeJS.Signals): void {
    for (const pid of this.#frozen) signal(pid, name);
    this.#frozen = [];
  }
}

/** As Linux tells it: the fourth field of /proc/PID/stat, the second after the parenthesised command. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      let stat = "";
      try {
        stat = readFileSync(`/proc/${name}/stat`, "utf8");
      } catch {
        // gone meanwhile
      }
      const [, parentOfIt] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(parentOfIt) === parent ? [Number(name)] : [];
    });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone meanwhile
  }
}
