import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningServer, startServer } from "@switchyard/testkit";

const cli = fileURLToPath(new URL("../../../packages/server/src/cli.ts", import.meta.url));

/**
 * The embedded PostgreSQL, kept by a Switchyard server of its own that starts it again whenever it dies. The server under
 * test uses a database in it, over a network that can be disturbed.
 */
export class DatabaseServer implements AsyncDisposable {
  readonly #keeper: RunningServer;
  /** Stopped processes, oldest first. */
  #frozen: readonly number[] = [];

  private constructor(keeper: RunningServer) {
    this.#keeper = keeper;
  }

  static async start(): Promise<DatabaseServer> {
    return new DatabaseServer(await startServer({ dev: false }));
  }

  /** A new database of this name, and its owner's URL. */
  async databaseUrl(name: string): Promise<URL> {
    const command = [process.execPath, cli, "db", "url", name, "--data-dir", this.#keeper.dataDir];
    const found = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
    const [url, notes] = await Promise.all([found.stdout.text(), found.stderr.text()]);
    if ((await found.exited) !== 0) throw new Error(notes);
    return new URL(url.trim());
  }

  /** SIGKILL to all of it at once. Its keeper starts it again. */
  kill(): void {
    this.freeze();
    for (const pid of this.#frozen) signal(pid, "SIGKILL");
    this.#frozen = [];
  }

  /** SIGSTOP to all of it. */
  freeze(): void {
    const postmaster = this.#postmaster();
    if (postmaster === undefined) return;
    // First the one that makes more of them.
    signal(postmaster, "SIGSTOP");
    const children = childrenOf(postmaster);
    for (const pid of children) signal(pid, "SIGSTOP");
    this.#frozen = [postmaster, ...children];
  }

  thaw(): void {
    for (const pid of this.#frozen) signal(pid, "SIGCONT");
    this.#frozen = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    await this.#keeper[Symbol.asyncDispose]();
  }

  /** undefined: it is down at the moment. */
  #postmaster(): number | undefined {
    const file = join(this.#keeper.dataDir, "postgres", "cluster", "postmaster.pid");
    const pid = Number(read(file).split("\n", 1)[0]);
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  }
}

/** As Linux tells it: the fourth field of /proc/PID/stat, the second after the parenthesised command. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = read(`/proc/${name}/stat`);
      const [, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(ppid) === parent ? [Number(name)] : [];
    });
}

/** Empty for what is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone meanwhile
  }
}
