import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import type {
  GeneratorCommand,
  GeneratorResult,
  Measurement,
  OpenCommand,
  OpenResult,
} from "./generator/commands.ts";
import { linesOf } from "./lines-of.ts";

/** Longest time for one command, on top of what it takes by itself. */
const COMMAND_MS = 60_000;

/** The load generator in a process of its own, pinned to its own core. */
export class GeneratorProcess implements AsyncDisposable {
  readonly #process: Subprocess<"pipe", "pipe", "inherit">;
  readonly #results: AsyncGenerator<string, void>;

  /** @param signal Kills the process; the command under way then throws. */
  constructor(prefix: readonly string[], signal: AbortSignal) {
    const main = fileURLToPath(new URL("generator/main.ts", import.meta.url));
    this.#process = Bun.spawn([...prefix, process.execPath, main], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      signal,
      killSignal: "SIGKILL",
    });
    this.#results = linesOf(this.#process.stdout);
  }

  /** @throws Error with the reason when not every socket could be opened. */
  async open(options: Omit<OpenCommand, "kind">): Promise<OpenResult> {
    const result = await this.#execute({ kind: "open", ...options });
    if (result.kind !== "opened") throw new Error(`unexpected answer ${result.kind}`);
    return result;
  }

  async measure(rate: number, seconds: number): Promise<Measurement> {
    const result = await this.#execute({ kind: "measure", rate, seconds });
    if (result.kind !== "measured") throw new Error(`unexpected answer ${result.kind}`);
    return result;
  }

  async close(): Promise<void> {
    await this.#execute({ kind: "close" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #execute(command: GeneratorCommand): Promise<GeneratorResult> {
    void this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    await this.#process.stdin.flush();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), COMMAND_MS);
    const line = await this.#results.next();
    clearTimeout(timer);
    if (line.done === true) throw new Error(`the generator ended during ${command.kind}`);
    // Written by generator/main.ts as a GeneratorResult.
    const result = JSON.parse(line.value) as GeneratorResult;
    if (result.kind === "failed") throw new Error(result.message);
    return result;
  }
}
