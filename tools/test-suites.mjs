// Which test files there are, and which group each belongs to. The name of a file says what it needs.
import { readdirSync } from "node:fs";
import path from "node:path";

const SOURCE_FOLDERS = ["packages", "apps", "bench", "chaos", "e2e", "tools"];
const SKIPPED_FOLDERS = new Set(["node_modules", "results"]);

/**
 * The groups in the order in which they run: cheap ones first, so that a mistake shows early.
 * `needs` names the system tool (system-tools.mjs); the last group takes every other test file.
 * `testTimeoutMs` is the default for one test, `groupTimeoutMs` ends a group that hangs.
 */
const GROUPS = [
  { name: "fast", testTimeoutMs: 20_000, groupTimeoutMs: 10 * 60_000 },
  {
    name: "fuzz and model",
    pattern: /\.(fuzz|model)\.test\.tsx?$/,
    testTimeoutMs: 120_000,
    groupTimeoutMs: 15 * 60_000,
  },
  { name: "pg", pattern: /\.pg\.test\.tsx?$/, testTimeoutMs: 60_000, groupTimeoutMs: 15 * 60_000 },
  {
    name: "redis",
    pattern: /\.redis\.test\.tsx?$/,
    needs: "redis-server",
    testTimeoutMs: 60_000,
    groupTimeoutMs: 15 * 60_000,
  },
  {
    name: "browser",
    pattern: /\.browser\.test\.tsx?$/,
    needs: "chromium",
    testTimeoutMs: 60_000,
    groupTimeoutMs: 15 * 60_000,
  },
  {
    name: "heavy",
    pattern: /\.soak\.test\.tsx?$/,
    testTimeoutMs: 300_000,
    groupTimeoutMs: 20 * 60_000,
  },
];

/** Groups with at least one file; `files` are relative to `root`, sorted. `patterns` keep files whose path contains one of them. */
export function findSuites(root, patterns = []) {
  const wanted = patterns.map((pattern) => pattern.replaceAll("\\", "/").replace(/^\.\//, ""));
  const files = SOURCE_FOLDERS.flatMap((folder) => testFilesUnder(root, folder))
    .filter((file) => wanted.length === 0 || wanted.some((pattern) => file.includes(pattern)))
    .toSorted();
  return GROUPS.map((group) => ({
    ...group,
    files: files.filter((file) => groupOf(file) === group),
  })).filter((group) => group.files.length > 0);
}

function groupOf(file) {
  return (
    GROUPS.find((group) => group.pattern?.test(file)) ??
    GROUPS.find((group) => group.pattern === undefined)
  );
}

function testFilesUnder(root, folder) {
  let entries;
  try {
    entries = readdirSync(path.join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return SKIPPED_FOLDERS.has(entry.name) || entry.name.startsWith(".")
        ? []
        : testFilesUnder(root, name);
    return /\.test\.tsx?$/.test(entry.name) ? [name] : [];
  });
}
