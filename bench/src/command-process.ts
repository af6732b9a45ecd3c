import type { Subprocess } from "bun";
import { linesOf } from "./lines-of.ts";

/** Longest time for one command, on top of what it takes by itself. */
const COMMAND_MS = 60_000;

/** A process that executes commands one at a time, as `serveCommands` does. */
export class CommandProcess implements AsyncDisposable {
  readonly #process: Subprocess<"pipe", "pipe", "inherit">;
  readonly #results: AsyncGenerator<string, void>;

  /**
   * @param prefix Command that pins the process to its core.
   * @param signal Kills the process; the command under way then throws.
   */
  constructor(main: string, prefix: readonly string[], signal: AbortSignal) {
    this.#process = Bun.spawn([...prefix, process.execPath, main], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      signal,
      killSignal: "SIGKILL",
    });
    this.#results = linesOf(this.#process.stdout);
  }

  /** @throws Error with the reason when the command failed or the process ended. */
  async execute(command: { readonly kind: string }): Promise<{ readonly kind: string }> {
    void this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    await this.#process.stdin.flush();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), COMMAND_MS);
    const line = await this.#results.next();
    clearTimeout(timer);
    if (line.done === true) throw new Error(`the generator ended during ${command.kind}`);
    // Written by `serveCommands`, whose results all have a kind.
    const result = JSON.parse(line.value) as { readonly kind: string; readonly message?: string };
    if (result.kind === "failed") throw new Error(result.message);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}
