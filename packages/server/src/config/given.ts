import type { Mistake } from "./mistake.ts";

/** A value as it was given, before it is read. */
export interface Given {
  readonly raw: unknown;
  readonly from: "file" | "env" | "flag";
  /** `switchyard.yaml:12`, `SWITCHYARD_HTTP_PORT`, `--http-port`. */
  readonly source: string;
  /** As `source` for a part of the value, by its place in it: "[2].presence". */
  sourceOf?(at: string): string;
}

/** What one source gave, by YAML path, and what it got wrong. */
export interface GivenValues {
  readonly values: ReadonlyMap<string, Given>;
  readonly mistakes: readonly Mistake[];
}

/** Where the value of an option came from: `Given.source`, `defaultOrigin` or `devDefaultOrigin`. */
export type Origin = string;

/** Of values for which nothing was given. */
export const defaultOrigin = "default";
/** As `defaultOrigin`, where `--dev` has a default of its own. */
export const devDefaultOrigin = "dev default";

export function isDefault(origin: Origin): boolean {
  return origin === defaultOrigin || origin === devDefaultOrigin;
}
