/** What a client process can be asked to do. Parameters and results travel as JSON. */
export type Commands = Readonly<Record<string, (params: never) => unknown>>;

export interface Asked {
  readonly id: number;
  readonly command: string;
  readonly params: unknown;
}

export type Answered =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** The client process' end: answers its parent's commands until that disconnects, then exits. */
export function answerCommands(commands: Commands): void {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error("this script runs as a client process of a test");
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message: unknown) => {
    // Sent by ClientProcess.ask.
    const { id, command, params } = message as Asked;
    void (async () => {
      try {
        const run = commands[command];
        if (run === undefined) throw new Error(`no command ${command}`);
        // The parent's types are those of `commands`.
        const result: unknown = await run(params as never);
        send({ id, result: result ?? null } satisfies Answered);
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        send({ id, error: text } satisfies Answered);
      }
    })();
  });
}
