import type { MistakeCode } from "./mistake.ts";

/** One thing wrong with a value. `at` leads from the option to the part at fault: "", "[2]", "[0].presence". */
export interface Fault {
  readonly at: string;
  readonly code: MistakeCode;
  readonly given: string | undefined;
  readonly expected: string;
  readonly nearest?: string | undefined;
}

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly faults: readonly Fault[];
      /** What could be read, with defaults for the rest: for finding further mistakes, never for running. */
      readonly partial?: Value;
    };

/** How the values of an option are written. */
export interface OptionType<Value> {
  /** For the documentation: "duration", "list of origins". */
  readonly name: string;
  /** A flag of this type needs no value: `--x` and `--no-x`. */
  readonly isSwitch?: boolean;
  /** A flag of this type may be repeated. */
  readonly isList?: boolean;
  /** Reads what YAML holds, or the text of a variable or flag. Never throws. */
  parse(raw: unknown): Parsed<Value>;
  /** As `parse` reads it back, in YAML. */
  show(value: Value): string;
}

interface OptionFields<Value> {
  readonly default: Value;
  /** Replaces `default` under `--dev`. */
  readonly devDefault?: Value;
  /** In words, where the default is no value: "the machine's host name". */
  readonly defaultText?: string;
  /** What a number counts. Durations and sizes carry their unit in the value. */
  readonly unit?: string;
  /** One or more sentences, for `--help` and the documentation. */
  readonly description: string;
  /** `all`: never shown, and not taken from the command line, which every user of the machine can read. `password`: an address whose password is masked. */
  readonly secret?: "all" | "password";
}

/** One option, declared once. Its names follow from its place in the declaration. */
export class Option<Value> {
  readonly type: OptionType<Value>;
  readonly default: Value;
  readonly devDefault: Value;
  readonly hasDevDefault: boolean;
  readonly defaultText: string | undefined;
  readonly unit: string | undefined;
  readonly description: string;
  readonly secret: "all" | "password" | undefined;

  constructor(type: OptionType<Value>, fields: OptionFields<NoInfer<Value>>) {
    this.type = type;
    this.default = fields.default;
    this.hasDevDefault = "devDefault" in fields;
    // `in` above has established that the member was given, so it has the type that it is declared with.
    this.devDefault = this.hasDevDefault ? (fields.devDefault as Value) : fields.default;
    this.defaultText = fields.defaultText;
    this.unit = fields.unit;
    this.description = fields.description;
    this.secret = fields.secret;
  }
}

/** Options and groups of options, by their names in TypeScript. */
export interface OptionGroup {
  readonly [key: string]: Option<unknown> | OptionGroup;
}

/** The values of a group: what the server reads. */
export type ValuesOf<Group> = {
  readonly [Key in keyof Group]: Group[Key] extends Option<infer Value>
    ? Value
    : ValuesOf<Group[Key]>;
};

/** An option with its place. */
export interface PlacedOption {
  /** Keys in the declaration and in `Config`. */
  readonly keys: readonly string[];
  /** Keys in YAML. */
  readonly yamlKeys: readonly string[];
  /** YAML keys joined by dots. */
  readonly path: string;
  readonly env: string;
  /** undefined for secrets. */
  readonly flag: string | undefined;
  readonly option: Option<unknown>;
}

/** All options of a group in the order of the declaration. */
export function placedOptions(group: OptionGroup, parents: readonly string[] = []): PlacedOption[] {
  return Object.entries(group).flatMap(([key, entry]) => {
    const keys = [...parents, key];
    return entry instanceof Option ? [placeOption(keys, entry)] : placedOptions(entry, keys);
  });
}

function placeOption(keys: readonly string[], option: Option<unknown>): PlacedOption {
  const yamlKeys = keys.map(yamlKey);
  const joined = yamlKeys.join("_");
  return {
    keys,
    yamlKeys,
    path: yamlKeys.join("."),
    env: `SWITCHYARD_${joined.toUpperCase()}`,
    flag: option.secret === "all" ? undefined : `--${joined.replaceAll("_", "-")}`,
    option,
  };
}

/** `pingIntervalMs` → `ping_interval`: a duration in YAML carries its unit in the value. */
function yamlKey(key: string): string {
  return key.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The values of `group` when nothing is given. */
export function defaultsOf<Group extends OptionGroup>(group: Group, dev: boolean): ValuesOf<Group> {
  const values = Object.entries(group).map(([key, entry]) => {
    if (entry instanceof Option) return [key, dev ? entry.devDefault : entry.default];
    return [key, defaultsOf(entry, dev)];
  });
  // Built key by key from the group, each with the value of its own option: this is what ValuesOf states.
  return Object.fromEntries(values) as ValuesOf<Group>;
}
