import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { renderDocs, renderEffective } from "../config/render-options.ts";
import { nearestName } from "../config/nearest-name.ts";
import { CommandError, usedWrongly } from "./command.ts";
import { configFlagsHelp, loadConfig } from "./load-config.ts";
import { takeFlags } from "./take-flags.ts";
import type { Command, CommandIo } from "./command.ts";

const subcommands = ["check", "print", "docs"] as const;

const usage = `switchyard config check [flags]
      Tells all mistakes of the configuration at once; exits with 1 when there are any
switchyard config print [flags]
      The configuration in force as YAML, with where each value came from; secrets are masked
switchyard config docs [--write <file>]
      The page that describes all options, in Markdown

${configFlagsHelp}`;

export const configCommand: Command = {
  help: () => usage,
  async run([subcommand = "", ...args], io) {
    switch (subcommands.find((name) => name === subcommand)) {
      case "check": {
        const { file } = await loadConfig(args, io);
        const read =
          file === undefined ? "There is no file; flags and variables are" : `${file} is`;
        io.out(`${read} right.\n`);
        return 0;
      }
      case "print": {
        const { config, origins } = await loadConfig(args, io);
        io.out(renderEffective(config, origins));
        return 0;
      }
      case "docs":
        return printDocs(args, io);
      case undefined: {
        const nearest = nearestName(subcommand, subcommands);
        const hint = nearest === undefined ? "" : ` Did you mean switchyard config ${nearest}?`;
        throw new CommandError(
          `switchyard config needs one of ${subcommands.join(", ")}.${hint}`,
          usedWrongly,
        );
      }
    }
  },
};

async function printDocs(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, rest } = takeFlags(args, ["--write"], []);
  if (rest.length > 0)
    throw new CommandError(`switchyard config docs does not know ${rest[0] ?? ""}`, usedWrongly);
  const file = values.get("--write");
  if (file === undefined) io.out(renderDocs());
  else await writeFile(resolve(io.cwd, file), renderDocs());
  return 0;
}
