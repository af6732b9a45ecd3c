import { checkConfig } from "./check-config.ts";
import { configOptions } from "./declaration.ts";
import { defaultOrigin, devDefaultOrigin } from "./given.ts";
import { givesNamespaceOption } from "./namespace-list.ts";
import { readArguments } from "./read-args.ts";
import { readEnvironment } from "./read-env.ts";
import { readConfigFile } from "./read-file.ts";
import type { Config } from "./declaration.ts";
import type { Given, Origin } from "./given.ts";
import type { Mistake, Warning } from "./mistake.ts";
import type { PlacedOption } from "./option.ts";
import type { Environment } from "./read-env.ts";
import type { ConfigFile } from "./read-file.ts";

export interface ConfigSources {
  readonly file: ConfigFile | undefined;
  readonly env: Environment;
  /** Flags of options only: without the command, `--config` and `--dev`. */
  readonly args: readonly string[];
  readonly dev: boolean;
}

export type ConfigResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly Warning[];
      /** By YAML path, for every option. */
      readonly origins: ReadonlyMap<string, Origin>;
    }
  | {
      readonly ok: false;
      readonly mistakes: readonly Mistake[];
      readonly warnings: readonly Warning[];
    };

/**
 * Reads the configuration: flag before variable before file before dev default before default. Returns it, or
 * every mistake at once. A mistake in a value that a stronger source replaces is told all the same. Pure.
 */
export function parseConfig(sources: ConfigSources): ConfigResult {
  const options = configOptions();
  const file = sources.file === undefined ? undefined : readConfigFile(sources.file, options);
  const env = readEnvironment(sources.env, options);
  const flags = readArguments(sources.args, options);
  // From the weakest to the strongest.
  const layers = [file, env, flags].filter((layer) => layer !== undefined);
  const mistakes = layers.flatMap((layer) => layer.mistakes);
  const origins = new Map<string, Origin>();
  const values = new Map<string, unknown>();
  const strongest = new Map<string, Given>();
  for (const placed of options) {
    const { option, path } = placed;
    values.set(path, sources.dev ? option.devDefault : option.default);
    origins.set(path, sources.dev && option.hasDevDefault ? devDefaultOrigin : defaultOrigin);
    for (const layer of layers) {
      const given = layer.values.get(path);
      if (given === undefined) continue;
      const value = readValue(placed, given, mistakes);
      if (value === undefined) continue;
      values.set(path, value);
      origins.set(path, given.source);
      strongest.set(path, given);
    }
  }
  const config = assemble(options, values, sources.dev);
  const namespacesPath = "channel.namespaces";
  const checked = checkConfig(config, (path) => {
    if (!path.startsWith(`${namespacesPath}[`)) return origins.get(path);
    const given = strongest.get(namespacesPath);
    if (given === undefined) return origins.get(namespacesPath);
    const at = path.slice(namespacesPath.length);
    return givesNamespaceOption(given.raw, at)
      ? (given.sourceOf?.(at) ?? given.source)
      : defaultOrigin;
  });
  // A conflict with a value that could not be read would be a conflict with a default that nobody chose.
  const broken = new Set(mistakes.map((mistake) => mistake.path));
  const conflicts = checked.mistakes.filter(
    ({ involves }) => !involves.some((path) => broken.has(path)),
  );
  mistakes.push(...conflicts.map(({ mistake }) => mistake));
  if (mistakes.length > 0) return { ok: false, mistakes, warnings: checked.warnings };
  return { ok: true, config, warnings: checked.warnings, origins };
}

/** The value. When there are faults, they are added to `mistakes`, and the value is what could be read, if anything. */
function readValue({ option, path }: PlacedOption, given: Given, mistakes: Mistake[]): unknown {
  const parsed = option.type.parse(given.raw);
  if (parsed.ok) return parsed.value;
  for (const { at, ...fault } of parsed.faults) {
    const shown = option.secret === undefined || fault.given === undefined ? fault.given : "***";
    mistakes.push({
      ...fault,
      path: `${path}${at}`,
      source: given.sourceOf?.(at) ?? given.source,
      given: shown,
    });
  }
  return parsed.partial;
}

function assemble(
  options: readonly PlacedOption[],
  values: ReadonlyMap<string, unknown>,
  dev: boolean,
): Config {
  const root: Record<string, unknown> = { dev };
  for (const { keys, path } of options) {
    let group = root;
    for (const key of keys.slice(0, -1)) {
      // Every key on the way was created below as an object, and no option stands where a group does.
      group = (group[key] ??= {}) as Record<string, unknown>;
    }
    group[keys.at(-1) ?? path] = values.get(path);
  }
  // Each option has put a value of its own type in its own place: this is what Config states.
  return root as unknown as Config;
}
