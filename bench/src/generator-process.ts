import { fileURLToPath } from "node:url";
import { CommandProcess } from "./command-process.ts";
import type {
  GeneratorCommand,
  GeneratorResult,
  Measurement,
  OpenCommand,
  OpenResult,
} from "./generator/commands.ts";

const main = fileURLToPath(new URL("generator/main.ts", import.meta.url));

/** The load generator in a process of its own, pinned to its own core. */
export class GeneratorProcess implements AsyncDisposable {
  readonly #process: CommandProcess;

  /** @param signal Kills the process; the command under way then throws. */
  constructor(prefix: readonly string[], signal: AbortSignal) {
    this.#process = new CommandProcess(main, prefix, signal);
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  async #execute(command: GeneratorCommand): Promise<GeneratorResult> {
    // Written by generator/main.ts as a GeneratorResult.
    return (await this.#process.execute(command)) as GeneratorResult;
  }
}
