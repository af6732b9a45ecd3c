import { namespaceDeclaration } from "./declaration-namespace.ts";
import { configOptions } from "./declaration.ts";
import { defaultOrigin } from "./given.ts";
import { placedOptions } from "./option.ts";
import type { Config } from "./declaration.ts";
import type { Option, PlacedOption } from "./option.ts";
import type { Origin } from "./given.ts";

function defaultText(option: Option<unknown>): string {
  return option.defaultText ?? option.type.show(option.default);
}

function devDefaultText({ option, path }: PlacedOption): string | undefined {
  if (!option.hasDevDefault || option.devDefault === option.default) return undefined;
  // The list in full would be longer than the rest of the table.
  return path === "channel.namespaces"
    ? "`inventory`, `orders`, `chat`, `demo`, all open"
    : option.type.show(option.devDefault);
}

function typeText({ type, unit }: Option<unknown>): string {
  return unit === undefined ? type.name : `${type.name} (${unit})`;
}

/** The options as flags, for `--help`. */
export function renderFlags(): string {
  const lines = configOptions().map((placed) => {
    const { flag, env, option } = placed;
    const dev = devDefaultText(placed);
    const defaults = `default: ${defaultText(option)}${dev === undefined ? "" : `; --dev: ${dev}`}`;
    const name =
      flag === undefined
        ? `${env} (variable only)`
        : `${flag} ${option.type.isSwitch === true ? "" : `<${typeText(option)}>`}`;
    return `  ${name.trimEnd()}\n      ${option.description}\n      ${defaults}\n`.replaceAll(
      "`",
      "",
    );
  });
  return lines.join("");
}

/** The page `docs/configuration.md`. */
export function renderDocs(): string {
  const sections = new Map<string, PlacedOption[]>();
  for (const placed of configOptions()) {
    const key = placed.yamlKeys.length === 1 ? "general" : placed.yamlKeys.slice(0, -1).join(".");
    const entry = sections.get(key) ?? [];
    entry.push(placed);
    sections.set(key, entry);
  }
  const parts = [...sections].map(([name, options]) => {
    const title = name === "general" ? "General" : `\`${name}\``;
    return `## ${title}\n\n${sectionNote(name)}${options.map(describeOption).join("\n")}`;
  });
  return `${intro}\n${parts.join("\n")}`;
}

const intro = `# Configuration

<!-- Written by \`switchyard config docs --write docs/configuration.md\` from the declaration in packages/server/src/config. -->

Every option has one YAML path, one environment variable and, unless it is a secret, one flag. They count in this
order: flag, variable, file, the default of \`--dev\`, the default.

- The file is \`switchyard.yaml\` in the current folder, or what \`--config\` or \`SWITCHYARD_CONFIG\` names.
- A variable that is empty counts as not given.
- Durations carry their unit: \`250ms\`, \`25s\`, \`5m\`, \`1h\`, \`30d\`. Sizes are bytes, or carry theirs: \`64KiB\`, \`1MiB\`.
- Lists are YAML lists, or one text with commas between the items. A flag of a list may be repeated.
- Switches are flags without a value: \`--api-insecure\`, \`--no-database-migrate\`.
- \`switchyard config check\` tells all mistakes at once; \`switchyard config print\` shows every value and where it came from.
- \`--dev\` is for one machine: it listens on loopback only, and opens the channels to everyone there.
`;

function sectionNote(name: string): string {
  if (name === "channel.without_namespace") {
    return "Options of channels without a `:` in their name. Each namespace in `channel.namespaces` has the same options, and takes nothing over from here.\n\n";
  }
  if (name === "api") {
    return "```yaml\napi:\n  keys:\n    - name: shop # also who publishes, where ids of events are remembered\n      key: a long random text\n      scopes: [publish:orders.*, read] # docs/security.md has them all\n```\n\n";
  }
  if (name === "channel") {
    const keys = placedOptions(namespaceDeclaration).length;
    return `\`\`\`yaml\nchannel:\n  namespaces:\n    - name: orders # and any of the ${keys} options below\n      history_size: 100\n      history_ttl: 10m\n      force_recovery: true\n\`\`\`\n\n`;
  }
  return "";
}

function describeOption(placed: PlacedOption): string {
  const { path, env, flag, option } = placed;
  const dev = devDefaultText(placed);
  const defaults = option.defaultText ?? `\`${option.type.show(option.default)}\``;
  const devText =
    dev === undefined
      ? ""
      : `, under \`--dev\`: ${path === "channel.namespaces" ? dev : `\`${dev}\``}`;
  const names = [`\`${env}\``, ...(flag === undefined ? [] : [`\`${flag}\``])].join(", ");
  return `### \`${path}\`\n\n${option.description}\n\n- Type: ${typeText(option)}. Default: ${defaults}${devText}\n- ${names}\n`;
}

/** The configuration in force as YAML, each value with where it came from. Secrets are masked. */
export function renderEffective(config: Config, origins: ReadonlyMap<string, Origin>): string {
  const lines: string[] = [`# dev: ${config.dev}\n`];
  let open: readonly string[] = [];
  for (const { yamlKeys, keys, path, option } of configOptions()) {
    const parents = yamlKeys.slice(0, -1);
    for (const [depth, key] of parents.entries()) {
      if (open.slice(0, depth + 1).join(".") !== parents.slice(0, depth + 1).join("."))
        lines.push(`${"  ".repeat(depth)}${key}:\n`);
    }
    open = parents;
    const value = masked(option, valueAt(config, keys));
    lines.push(
      `${"  ".repeat(parents.length)}${yamlKeys.at(-1) ?? path}: ${value} # ${originText(option, origins.get(path) ?? defaultOrigin)}\n`,
    );
  }
  return lines.join("");
}

/** Where the default is no value, what it means. */
function originText(option: Option<unknown>, origin: Origin): string {
  return origin === defaultOrigin && option.defaultText !== undefined
    ? `default: ${option.defaultText}`.replaceAll("`", "")
    : origin;
}

function masked(option: Option<unknown>, value: unknown): string {
  const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
  if (option.secret === undefined || isEmpty) return option.type.show(value);
  if (option.secret === "all") return '"***"';
  return option.type.show(typeof value === "string" ? maskPassword(value) : value);
}

/** A URL without its password, wherever it carries one. */
export function maskPassword(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return "***";
  if (parsed.password !== "") parsed.password = "***";
  if (parsed.searchParams.has("password")) parsed.searchParams.set("password", "***");
  return parsed.href;
}

function valueAt(config: Config, keys: readonly string[]): unknown {
  let value: unknown = config;
  for (const key of keys) {
    // The keys of a placed option lead through objects to its value.
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}
