import { join } from "node:path";
import { createApplicationDatabase, findEmbeddedPostgres } from "@switchyard/postgres";
import { resolveSecrets } from "../config/secrets.ts";
import { CommandError, usedWrongly } from "./command.ts";
import { configFlagsHelp, loadConfig } from "./load-config.ts";
import type { Config } from "../config/declaration.ts";
import type { Command } from "./command.ts";

const usage = `switchyard db url <name> [flags]

Prints the URL of an application's own database in the PostgreSQL that Switchyard uses. Database and role are
created when they are missing. The same name gives the same URL.

${configFlagsHelp}`;

export const dbCommand: Command = {
  help: () => usage,
  async run([subcommand, name = "", ...args], io) {
    if (subcommand !== "url" || name === "" || name.startsWith("-")) {
      throw new CommandError(
        "switchyard db url needs the name of an application, before any flags",
        usedWrongly,
      );
    }
    const { config } = await loadConfig(args, io);
    io.out(`${await applicationUrl(config, name)}\n`);
    return 0;
  },
};

async function applicationUrl(config: Config, name: string): Promise<string> {
  if (config.database.url !== undefined) {
    const { token, api } = await resolveSecrets(config);
    const secret = token.secret ?? api.key[0];
    if (secret === undefined)
      throw new CommandError(
        "switchyard db url derives the password from token.secret or api.key: give one of them",
      );
    return createApplicationDatabase(config.database.url, name, secret);
  }
  const running = await findEmbeddedPostgres(join(config.dataDir, "postgres"));
  if (running === undefined) {
    throw new CommandError(
      `No database runs in ${config.dataDir}: start switchyard serve first, or give database.url.`,
    );
  }
  return running.databaseUrl(name);
}
