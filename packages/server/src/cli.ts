import { CommandError, usedWrongly } from "./commands/command.ts";
import { nearestName } from "./config/nearest-name.ts";
import manifest from "../package.json" with { type: "json" };
import type { Command, CommandIo } from "./commands/command.ts";

interface CommandEntry {
  readonly summary: string;
  /** Late, so that `--help` and `token` do not wait for the server's code. */
  load(): Promise<Command>;
}

const commands: ReadonlyMap<string, CommandEntry> = new Map([
  [
    "serve",
    {
      summary: "Runs the server",
      load: async () => (await import("./commands/serve.ts")).serveCommand,
    },
  ],
  [
    "token",
    {
      summary: "Prints a client token",
      load: async () => (await import("./commands/token.ts")).tokenCommand,
    },
  ],
  [
    "config",
    {
      summary: "Checks, prints or describes the configuration",
      load: async () => (await import("./commands/config.ts")).configCommand,
    },
  ],
  [
    "db",
    {
      summary: "Prints the URL of an application's database",
      load: async () => (await import("./commands/db.ts")).dbCommand,
    },
  ],
  [
    "replay",
    {
      summary: "Publishes the lines of a CSV file at their times",
      load: async () => (await import("./commands/replay.ts")).replayCommand,
    },
  ],
]);

function usage(): string {
  const lines = [...commands].map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}\n`);
  return `switchyard <command> [flags]\n\n${lines.join("")}\nswitchyard <command> --help describes a command. switchyard --version prints the version.\n`;
}

/** Runs one command line, without the program's name. Returns the exit code; never throws. */
export async function runCli(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    io.note(usage());
    return usedWrongly;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    io.out(usage());
    return 0;
  }
  if (name === "--version" || name === "-v") {
    io.out(`${manifest.version}\n`);
    return 0;
  }
  const entry = commands.get(name);
  if (entry === undefined) {
    const nearest = nearestName(name, commands.keys());
    io.note(
      `switchyard: there is no command ${name}.${nearest === undefined ? "" : ` Did you mean ${nearest}?`}\n\n${usage()}`,
    );
    return usedWrongly;
  }
  try {
    const command = await entry.load();
    if (rest.includes("--help") || rest.includes("-h")) {
      io.out(command.help());
      return 0;
    }
    return await command.run(rest, io);
  } catch (error) {
    io.note(`switchyard: ${describe(error)}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

/** Errors whose message tells the reader what to do; of others the stack is needed. By name: their classes are not loaded here. */
const explained: ReadonlySet<string> = new Set([
  "CommandError",
  "SecretsError",
  "DatabaseError",
  "ListenError",
  "StopError",
]);

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return explained.has(error.name) ? error.message : (error.stack ?? error.message);
}

if (import.meta.main) {
  process.exitCode = await runCli(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    note: (text) => process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
  });
}
