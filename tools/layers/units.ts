import { readdir } from "node:fs/promises";
import path from "node:path";
import { TEST_UNITS } from "./table.ts";

/** One package, application or top-level folder with code. */
export interface Unit {
  /** Folder name, as the table of layers has it. */
  readonly name: string;
  /** Relative to the root, with forward slashes. */
  readonly directory: string;
  readonly isApp: boolean;
  readonly manifest: Manifest;
  readonly files: readonly SourceFile[];
}

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly isTest: boolean;
  readonly source: string;
}

/** The parts of package.json that matter here; all empty for a folder without one. */
interface Manifest {
  readonly packageName: string | undefined;
  readonly subpaths: ReadonlySet<string>;
  /** Dependencies that are there at run time: dependencies, peerDependencies, optionalDependencies. */
  readonly runtime: ReadonlySet<string>;
  readonly development: ReadonlySet<string>;
}

const CODE_FILE = /\.(ts|tsx|mts|mjs|js|jsx)$/;
const TEST_FILE = /(\.(test|bench)\.tsx?$|\/(test|tests|fixtures|harness)\/)/;
const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "data", "results"]);

/** Reads all units below `root`: packages/*, apps/*, bench, chaos, e2e and tools. */
export async function readUnits(root: string): Promise<readonly Unit[]> {
  const nested = await Promise.all(
    ["packages", "apps"].map(async (folder) =>
      (await folders(path.join(root, folder))).map((name) => ({
        name,
        directory: `${folder}/${name}`,
        isApp: folder === "apps",
      })),
    ),
  );
  const top = (await folders(root))
    .filter((name) => ["bench", "chaos", "e2e", "tools"].includes(name))
    .map((name) => ({ name, directory: name, isApp: false }));
  return Promise.all(
    [...nested.flat(), ...top].map(async (unit) => ({
      ...unit,
      manifest: await readManifest(path.join(root, unit.directory, "package.json")),
      files: await readFiles(root, unit.directory, unit.isApp ? "" : unit.name),
    })),
  );
}

async function readFiles(
  root: string,
  directory: string,
  unit: string,
): Promise<readonly SourceFile[]> {
  const entries = await readdir(path.join(root, directory), { withFileTypes: true });
  const files = await Promise.all(
    entries.map(async (entry): Promise<readonly SourceFile[]> => {
      const name = `${directory}/${entry.name}`;
      if (entry.isDirectory()) {
        if (SKIPPED_FOLDERS.has(entry.name) || entry.name.startsWith(".")) return [];
        return readFiles(root, name, unit);
      }
      if (!entry.isFile() || !CODE_FILE.test(entry.name)) return [];
      const isTest = TEST_UNITS.has(unit) || TEST_FILE.test(name);
      return [{ path: name, isTest, source: await Bun.file(path.join(root, name)).text() }];
    }),
  );
  return files.flat();
}

async function readManifest(file: string): Promise<Manifest> {
  const exists = await Bun.file(file).exists();
  const json: unknown = exists ? await Bun.file(file).json() : {};
  const name = property(json, "name");
  return {
    packageName: typeof name === "string" ? name : undefined,
    subpaths: keys(property(json, "exports")),
    runtime: new Set(
      ["dependencies", "peerDependencies", "optionalDependencies"].flatMap((field) => [
        ...keys(property(json, field)),
      ]),
    ),
    development: keys(property(json, "devDependencies")),
  };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function keys(value: unknown): ReadonlySet<string> {
  return new Set(typeof value === "object" && value !== null ? Object.keys(value) : []);
}

async function folders(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    // A repository without applications is complete as well.
    if (property(error, "code") === "ENOENT") return [];
    throw error;
  }
}
