import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { withoutRetailDay } from "./retail-day.ts";

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));

export interface ReplayExit {
  readonly code: number | null;
  readonly out: string;
  readonly notes: string;
}

/** `switchyard replay` as a process. Disposing ends it. */
export class ReplayProcess implements AsyncDisposable {
  readonly #child;
  readonly #exited: Promise<unknown>;
  #out = "";
  #notes = "";

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [cli, "replay", ...args], {
      env: { ...process.env, ...withoutRetailDay, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#notes += text));
    this.#child = child;
    this.#exited = once(child, "close");
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  async exit(): Promise<ReplayExit> {
    await this.#exited;
    return { code: this.#child.exitCode, out: this.#out, notes: this.#notes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
