import { chmod, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./server-figures.ts";

/** A data directory that outlives its servers, and who runs on it (Linux). Disposing kills those and removes it. */
export class DataDirectory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<DataDirectory> {
    const path = await mkdtemp(join(tmpdir(), "switchyard-restart-"));
    // Under root, PostgreSQL runs as another user, who must be able to pass.
    await chmod(path, 0o755);
    return new DataDirectory(path);
  }

  /** Living processes that name it in their command line or work in it: servers, PostgreSQL, what makes its cluster. */
  async processes(): Promise<readonly { readonly pid: number; readonly command: string }[]> {
    const found = await Promise.all(
      (await readdir("/proc"))
        .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
        .map((name) => this.#processOf(Number(name))),
    );
    return found.filter((one) => one !== undefined);
  }

  /** Fulfils when nothing runs on it. */
  async untilDeserted(): Promise<void> {
    await eventually(
      "processes left",
      5_000,
      () => this.processes(),
      (processes) => processes.length === 0,
    );
  }

  /** The PostgreSQL on it. Throws when there is none. */
  async postmaster(): Promise<number> {
    const file = await readFile(join(this.path, "postgres", "cluster", "postmaster.pid"), "utf8");
    return Number(file.split("\n", 1)[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let left = await this.processes(); left.length > 0; left = await this.processes()) {
      for (const { pid } of left) killIfAlive(pid);
      await Bun.sleep(50);
    }
    await rm(this.path, { recursive: true, force: true });
  }

  async #processOf(pid: number): Promise<{ pid: number; command: string } | undefined> {
    try {
      const [stat, commandLine, cwd] = await Promise.all([
        readFile(`/proc/${pid}/stat`, "utf8"),
        readFile(`/proc/${pid}/cmdline`, "utf8"),
        readlink(`/proc/${pid}/cwd`),
      ]);
      // After the parenthesised command (proc(5)).
      const state = stat.charAt(stat.lastIndexOf(")") + 2);
      const words = commandLine.split("\0");
      const isHere =
        words.some((word) => word.startsWith(this.path)) || `${cwd}/`.startsWith(`${this.path}/`);
      return isHere && state !== "Z" ? { pid, command: words.join(" ") } : undefined;
    } catch {
      return undefined; // it has ended meanwhile
    }
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone meanwhile
  }
}
