import { isDefault } from "./given.ts";
import type { Origin } from "./given.ts";

/** What is wrong with one part of the configuration. Values of secret options never appear in `given`. */
export interface Mistake {
  /** The option's YAML path, or what was given in its place. */
  readonly path: string;
  readonly code: MistakeCode;
  /** Where it came from: `switchyard.yaml:12`, `SWITCHYARD_HTTP_PORT`, `--http-port`, `default`; "" for what is missing. */
  readonly source: Origin;
  /** As it was given, shortened, or the default that does not go with what was given; undefined when there is neither. */
  readonly given: string | undefined;
  /** What would be right, as the end of the sentence "expected …". */
  readonly expected: string;
  /** The nearest known name, for the `unknown-*` codes. */
  readonly nearest?: string | undefined;
}

export type MistakeCode =
  | "syntax"
  | "unknown-key"
  | "unknown-variable"
  | "unknown-flag"
  | "unexpected-argument"
  | "invalid-value"
  | "missing"
  | "conflict"
  | "duplicate"
  | "unsafe"
  | "unreadable";

/** Legal, but probably not what is wanted. */
export interface Warning {
  readonly path: string;
  readonly message: string;
}

const longestShown = 80;

/** A value as it stands in a message: JSON, at most 80 characters. Never throws, whatever a YAML file held. */
export function showGiven(value: unknown): string {
  let text: string;
  try {
    text = typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value));
  } catch {
    text = "a value that contains itself";
  }
  return text.length > longestShown ? `${text.slice(0, longestShown - 1)}…` : text;
}

/** One paragraph per mistake, in the order found, with a count at the end. */
export function formatMistakes(mistakes: readonly Mistake[]): string {
  const lines = mistakes.map((mistake) => {
    const where =
      mistake.source === "" || mistake.source === mistake.path ? "" : ` (${mistake.source})`;
    const verb = isDefault(mistake.source) ? "" : "given ";
    const given = mistake.given === undefined ? "" : `${verb}${mistake.given}, `;
    const nearest = mistake.nearest === undefined ? "" : `; did you mean ${mistake.nearest}?`;
    return `${mistake.path}${where}: ${mistake.code}: ${given}expected ${mistake.expected}${nearest}\n`;
  });
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  return `${lines.join("")}${count} in the configuration\n`;
}

/** One line per warning. */
export function formatWarnings(warnings: readonly Warning[]): string {
  return warnings.map((warning) => `warning: ${warning.path}: ${warning.message}\n`).join("");
}
