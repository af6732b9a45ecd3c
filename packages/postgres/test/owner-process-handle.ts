import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./owner-process.ts", import.meta.url));

/** A separate process that owns, or tries to own, an embedded server. */
export class OwnerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #output = "";

  constructor(directory: string) {
    // In a process group of its own, so that the whole group can be killed.
    const child = spawn(process.execPath, [script, directory], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    child.stdout.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#child = child;
    this.#exited = once(child, "exit");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its one line: the server that it runs, or why it does not. */
  async report(): Promise<{
    readonly postgres?: number;
    readonly url?: string;
    readonly error?: string;
  }> {
    while (!this.#output.includes("\n")) await Bun.sleep(5);
    // Written by owner-process.ts.
    return JSON.parse(this.#output) as { postgres?: number; url?: string; error?: string };
  }

  async kill(what: "process" | "group"): Promise<void> {
    process.kill(what === "group" ? -this.pid : this.pid, "SIGKILL");
    await this.#exited;
  }

  /** Lets it stop its server and end. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }
}
