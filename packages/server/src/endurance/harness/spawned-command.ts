import { fileURLToPath } from "node:url";

/** The checkout. */
const root = fileURLToPath(new URL("../../../../../", import.meta.url));
export const shim = fileURLToPath(new URL("../../../bin/switchyard.mjs", import.meta.url));
export const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));

interface SpawnedCommandOptions {
  /** In a pseudo-terminal, as a person would run it; otherwise in a process group of its own. */
  readonly terminal?: boolean;
}

/** A command line that runs the server, and what it prints. */
export class SpawnedCommand implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #changed = new Set<() => void>();
  #output = "";

  constructor(command: readonly string[], { terminal = false }: SpawnedCommandOptions = {}) {
    const decoder = new TextDecoder();
    const take = (bytes: Uint8Array): void => {
      this.#output += decoder.decode(bytes, { stream: true });
      for (const tell of this.#changed) tell();
    };
    this.#child = terminal
      ? Bun.spawn([...command], { cwd: root, terminal: { data: (_, bytes) => take(bytes) } })
      : Bun.spawn([...command], {
          cwd: root,
          detached: true,
          stdio: ["ignore", "ignore", "pipe"],
        });
    const { stderr } = this.#child;
    if (stderr instanceof ReadableStream) {
      void (async () => {
        for await (const chunk of stderr) take(chunk);
      })();
    }
    void this.#child.exited.then(() => {
      for (const tell of this.#changed) tell();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get output(): string {
    return this.#output;
  }

  /** The exit code; of a signal 128 and its number. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Fulfils with the first match of `pattern` in the output. Throws when the command ends without one. */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#output)?.[0];
      if (match !== undefined) return match;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`ended without printing ${pattern}:\n${this.#output}`);
      const changed = Promise.withResolvers<void>();
      this.#changed.add(changed.resolve);
      await changed.promise;
      this.#changed.delete(changed.resolve);
    }
  }

  /** Ctrl-C: the terminal sends SIGINT to its whole foreground process group. */
  pressCtrlC(): void {
    this.#child.terminal?.write("\u0003");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL to the command and all that has stayed in its process group. */
  killGroup(): void {
    process.kill(-this.#child.pid, "SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#child.terminal?.close();
  }
}
