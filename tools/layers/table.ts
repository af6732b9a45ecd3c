/** Who may import whom in this repository, by folder name. Keep it equal to the table in CONTRIBUTING.md. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  core: ["protocol"],
  postgres: ["protocol", "core"],
  redis: ["protocol", "core"],
  push: ["protocol", "core"],
  "push-doubles": [],
  server: ["protocol", "core", "postgres", "redis", "push"],
  client: ["protocol"],
  react: ["client"],
  testkit: ["protocol", "core", "push-doubles"],
  bench: ["client", "testkit"],
  chaos: ["client", "testkit"],
  e2e: ["client", "testkit"],
  tools: [],
};

/** Any application under apps/. */
const APP: readonly string[] = ["client", "react"];

/** Only tests and the folders that consist of tests may import these; elsewhere they are development dependencies. */
export const TEST_ONLY: ReadonlySet<string> = new Set(["testkit", "push-doubles"]);

/** Folders in which every file counts as a test. */
export const TEST_UNITS: ReadonlySet<string> = new Set(["testkit", "bench", "chaos", "e2e"]);

/** Their sources do no input or output and take time and randomness through ports. */
export const PURE: ReadonlySet<string> = new Set(["protocol", "core"]);

/**
 * Files that others may import by path, against the rule that only package names are imported.
 * The launcher runs before the packages are linked into node_modules.
 */
export const SHARED_FILES: ReadonlySet<string> = new Set(["packages/server/bin/bun-process.mjs"]);

/** Folders that `unit` may import, undefined for a unit that the table does not know. */
export function allowedImports(
  unit: { readonly name: string; readonly isApp: boolean },
  inTest: boolean,
): readonly string[] | undefined {
  const allowed = unit.isApp ? APP : SOURCES[unit.name];
  if (allowed === undefined || !inTest || unit.name === "tools") return allowed;
  return [...allowed, ...TEST_ONLY];
}
