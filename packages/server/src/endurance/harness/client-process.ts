import type { Answered, Asked, Commands } from "./commands.ts";

type Params<Command> = Command extends (params: infer Given) => unknown ? Given : never;
type Result<Command> = Command extends (params: never) => infer Given ? Awaited<Given> : never;

/** Clients in a process of their own, so that they can be stopped, killed and kept off the server's core. */
export class ClientProcess<Available extends Commands> implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** @param script a module that calls `answerCommands`. @param core the one it may run on (Linux); undefined: any. */
  constructor(script: URL, core?: number) {
    const command = [process.execPath, script.pathname];
    this.#child = Bun.spawn({
      cmd: core === undefined ? command : ["taskset", "-c", String(core), ...command],
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message: unknown) => {
        // Sent by answerCommands.
        this.#settle(message as Answered);
      },
      onExit: (_, code, signal) => {
        const end = new Error(`the client process ended (${signal ?? code})`);
        for (const waiting of this.#waiting.values()) waiting.reject(end);
        this.#waiting.clear();
      },
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  ask<Name extends keyof Available & string>(
    command: Name,
    params: Params<Available[Name]>,
  ): Promise<Result<Available[Name]>> {
    const id = (this.#lastId += 1);
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, command, params } satisfies Asked);
    // The script's commands are of the type that the test names.
    return waiting.promise as Promise<Result<Available[Name]>>;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL, which ends a stopped process too. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #settle(answer: Answered): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result);
  }
}
