/** What a command may use of the process. Tests give their own. */
export interface CommandIo {
  out(text: string): void;
  /** Messages for people: what is printed here is never the command's result. */
  note(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of files begin. */
  readonly cwd: string;
}

/** One command, or with `subcommands` a group of them. */
export interface Command {
  /** For `--help`, up to a screen. */
  help(): string;
  /** Returns the exit code: 0 done, 1 failed, 2 used wrongly. */
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/** Exit code of a command that could not do what was asked. */
export const failed = 1;
/** Exit code of a command that was asked in the wrong way. */
export const usedWrongly = 2;

/** A fault that is the caller's: its message is shown without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode = failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
