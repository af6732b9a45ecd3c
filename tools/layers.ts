// Checks who imports whom: the table of layers, imports by package name only, declared dependencies, no cycles,
// no input or output in protocol and core. `bun tools/layers.ts [root]` prints what is wrong and ends with 1.
import path from "node:path";
import { findCycles } from "./layers/cycles.ts";
import { findImports } from "./layers/imports.ts";
import type { FoundImport } from "./layers/imports.ts";
import { findImpureUses } from "./layers/purity.ts";
import { allowedImports, PURE, SHARED_FILES, TEST_ONLY, TEST_UNITS } from "./layers/table.ts";
import { readUnits } from "./layers/units.ts";
import type { SourceFile, Unit } from "./layers/units.ts";

/** `file` is relative to the root; `line` counts from 1. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** All violations below `root`, in the order of files and lines. An unreadable root is an error, not a clean result. */
export async function checkLayers(root: string): Promise<readonly Violation[]> {
  const units = await readUnits(root);
  if (!units.some(({ files }) => files.length > 0))
    throw new Error(`No source files below ${root}`);
  return units
    .flatMap((unit) => [...checkManifest(unit, units), ...checkFiles(unit, units)])
    .toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

function checkManifest(unit: Unit, units: readonly Unit[]): readonly Violation[] {
  const file = `${unit.directory}/package.json`;
  const violation = (message: string): Violation => ({ file, line: 1, message });
  const allowed = allowedImports(unit, false);
  if (allowed === undefined) {
    return [violation(`${unit.name} is not in the table of layers (tools/layers/table.ts)`)];
  }
  const allowedInTests = allowedImports(unit, true) ?? [];
  return units.flatMap((other) => {
    const name = other.manifest.packageName;
    if (name === undefined || other === unit) return [];
    if (unit.manifest.runtime.has(name)) {
      if (TEST_ONLY.has(other.name) && !TEST_UNITS.has(unit.name)) {
        return [violation(`${name} may only be in devDependencies`)];
      }
      if (!allowed.includes(other.name)) return [violation(notAllowed(unit, other))];
    }
    if (unit.manifest.development.has(name) && !allowedInTests.includes(other.name)) {
      return [violation(notAllowed(unit, other))];
    }
    return [];
  });
}

function checkFiles(unit: Unit, units: readonly Unit[]): readonly Violation[] {
  const own = new Set(unit.files.map((file) => file.path));
  const graph = new Map<string, Set<string>>();
  const violations = unit.files.flatMap((file) => {
    const edges = new Set<string>();
    graph.set(file.path, edges);
    const imports = findImports(file.source, /\.[jt]sx$/.test(file.path) ? "tsx" : "ts");
    for (const { specifier, typeOnly } of imports) {
      const target = relativeTarget(file, specifier);
      if (target !== undefined && own.has(target) && !typeOnly) edges.add(target);
    }
    return [
      ...imports.flatMap((found) => {
        const message = checkImport(unit, file, found, units);
        return message === undefined ? [] : [{ file: file.path, line: found.line, message }];
      }),
      ...checkPurity(unit, file),
    ];
  });
  const cycles = findCycles(graph).map((cycle) => ({
    file: cycle[0] ?? unit.directory,
    line: 1,
    message: `import cycle: ${[...cycle, cycle[0]].join(" → ")}`,
  }));
  return [...violations, ...cycles];
}

/** The message of the rule that this import breaks. */
function checkImport(
  unit: Unit,
  file: SourceFile,
  { specifier }: FoundImport,
  units: readonly Unit[],
): string | undefined {
  const target = relativeTarget(file, specifier);
  if (target !== undefined) {
    if (target.startsWith(`${unit.directory}/`) || SHARED_FILES.has(target)) return undefined;
    return `"${specifier}" leads out of ${unit.directory}; import the package by its name`;
  }
  if (PURE.has(unit.name) && !file.isTest && /^(node:|bun(:|$))/.test(specifier)) {
    return `${unit.name} does no input or output and must not import "${specifier}"`;
  }
  const other = units.find(({ manifest: { packageName: name } }) =>
    name === undefined ? false : specifier === name || specifier.startsWith(`${name}/`),
  );
  const name = other?.manifest.packageName;
  if (other === undefined || other === unit || name === undefined) return undefined;
  if (TEST_ONLY.has(other.name) && !file.isTest) return `${name} may only be imported by tests`;
  if (!(allowedImports(unit, file.isTest) ?? []).includes(other.name))
    return notAllowed(unit, other);
  if (specifier !== name && !other.manifest.subpaths.has(`.${specifier.slice(name.length)}`)) {
    return `"${specifier}" reaches into ${name}; import what it exports`;
  }
  const { runtime, development } = unit.manifest;
  if (!runtime.has(name) && !(file.isTest && development.has(name))) {
    const field = file.isTest ? "devDependencies" : "dependencies";
    return `${name} is not in the ${field} of ${unit.directory}/package.json`;
  }
  return undefined;
}

function checkPurity(unit: Unit, file: SourceFile): readonly Violation[] {
  if (!PURE.has(unit.name) || file.isTest) return [];
  return findImpureUses(file.source).map(({ line, what, instead }) => ({
    file: file.path,
    line,
    message: `${unit.name} must not use ${what}: use ${instead}`,
  }));
}

function notAllowed(unit: Unit, other: Unit): string {
  return `${unit.name} may not import ${other.name} (tools/layers/table.ts)`;
}

/** The file, relative to the root, that a relative specifier names. */
function relativeTarget(file: SourceFile, specifier: string): string | undefined {
  if (!/^\.{1,2}(\/|$)/.test(specifier)) return undefined;
  const [bare = specifier] = specifier.split("?");
  return path.posix.join(path.posix.dirname(file.path), bare);
}

if (import.meta.main) {
  const root = process.argv[2] ?? path.dirname(import.meta.dir);
  const violations = await checkLayers(root);
  for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
  if (violations.length > 0) process.exitCode = 1;
}
