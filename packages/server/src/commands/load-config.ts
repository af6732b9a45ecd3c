import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { formatMistakes, formatWarnings } from "../config/mistake.ts";
import { parseConfig } from "../config/parse-config.ts";
import { configFileVariable } from "../config/read-env.ts";
import { CommandError, failed } from "./command.ts";
import { takeFlags } from "./take-flags.ts";
import type { Config } from "../config/declaration.ts";
import type { Mistake } from "../config/mistake.ts";
import type { Origin } from "../config/given.ts";
import type { ConfigFile } from "../config/read-file.ts";
import type { CommandIo } from "./command.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined without one. */
  readonly file: string | undefined;
  readonly origins: ReadonlyMap<string, Origin>;
}

/** For the `--help` of every command that reads the configuration. */
export const configFlagsHelp = `  --config <file>
      The configuration, in YAML. default: switchyard.yaml in this folder, when there is one
  --dev
      Development: loopback only, and defaults that work without further settings
  and every option of the configuration: see switchyard serve --help
`;

const defaultFile = "switchyard.yaml";

/**
 * Reads the configuration for a command from its flags (`--config`, `--dev`, options), the variables and the
 * file. `dataDir` comes out absolute. Warnings are noted. Throws `CommandError` with all mistakes.
 */
export async function loadConfig(args: readonly string[], io: CommandIo): Promise<LoadedConfig> {
  const { values, switches, rest } = takeFlags(args, ["--config"], ["--dev"]);
  const { file, mistake } = await findFile(values.get("--config"), io);
  const result = parseConfig({ file, env: io.env, args: rest, dev: switches.has("--dev") });
  const mistakes = [
    ...(mistake === undefined ? [] : [mistake]),
    ...(result.ok ? [] : result.mistakes),
  ];
  io.note(formatWarnings(result.warnings));
  if (!result.ok || mistakes.length > 0)
    throw new CommandError(formatMistakes(mistakes).trimEnd(), failed);
  const { config, origins } = result;
  return {
    config: { ...config, dataDir: resolve(io.cwd, config.dataDir) },
    file: file?.path,
    origins,
  };
}

interface FoundFile {
  readonly file: ConfigFile | undefined;
  readonly mistake?: Mistake;
}

async function findFile(flag: string | undefined, io: CommandIo): Promise<FoundFile> {
  const fromEnv = io.env[configFileVariable];
  const named = flag ?? (fromEnv === "" ? undefined : fromEnv);
  const path = named ?? defaultFile;
  try {
    return { file: { path, text: await readFile(resolve(io.cwd, path), "utf8") } };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    if (named === undefined && code === "ENOENT") return { file: undefined };
    const source =
      flag === undefined ? (named === undefined ? "" : configFileVariable) : "--config";
    return {
      file: undefined,
      mistake: {
        path,
        code: "unreadable",
        source,
        given: code,
        expected: "a file that can be read",
      },
    };
  }
}
