// Makes a fresh clone runnable: checks Node, installs the packages when they are missing or stale, finds Bun.
// Plain Node without dependencies, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findBun, runExecutable } from "../packages/server/bin/bun-process.mjs";

const OLDEST_NODE = 20;

/** The root of the checkout. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const nodeModules = path.join(root, "node_modules");
const lockFile = path.join(root, "package-lock.json");
const stampFile = path.join(nodeModules, ".switchyard-lock");

/** Installs what package-lock.json names unless it is installed already. Ends the process with a message when it cannot. */
export function ensureInstalled() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < OLDEST_NODE)
    fail(
      `Node ${OLDEST_NODE} or newer is needed, this is Node ${process.versions.node} (${process.execPath}).`,
    );
  if (isInstalled()) return;
  const reason = existsSync(nodeModules) ? "package-lock.json has changed" : "first run";
  const started = performance.now();
  let result = existsSync(lockFile) ? npm("ci", reason) : npm("install", reason);
  if (result.error !== undefined) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0 && existsSync(lockFile) && process.env.CI !== "true") {
    // The lock file does not fit a package.json: while someone is changing dependencies that is no reason to stop.
    result = npm("install", "`npm ci` failed", "--no-save");
  }
  if (result.status !== 0) {
    fail(`npm failed (${result.signal ?? `exit code ${result.status}`}); its messages are above.`);
  }
  writeFileSync(stampFile, stamp());
  process.stderr.write(
    `switchyard: packages installed in ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
  );
}

/** Path of the Bun executable that npm installed. Ends the process with a message when there is none. */
export function bunPath() {
  const bun = findBun(nodeModules);
  if (bun === undefined) {
    fail(
      `no Bun executable for ${process.platform}-${process.arch} in ${nodeModules}. Remove that folder and run the command again; optional packages must be allowed.`,
    );
  }
  return bun;
}

/**
 * Runs Bun in the checkout with this process's standard streams, passing signals on.
 * Resolves with the exit code, 128 + signal number when Bun was ended by a signal.
 */
export function runBun(args, { env = {} } = {}) {
  return runExecutable(bunPath(), args, { env, cwd: root });
}

function isInstalled() {
  if (!existsSync(nodeModules)) return false;
  if (!existsSync(lockFile)) return existsSync(path.join(nodeModules, ".package-lock.json"));
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp()) return true;
  if (!matchesLockFile()) return false;
  // Installed by hand with npm: remember it, so that the long way is taken once.
  writeFileSync(stampFile, stamp());
  return true;
}

/** Compares the lock file with the record that npm keeps of what it has installed. */
function matchesLockFile() {
  const wanted = readPackages(lockFile);
  const installed = readPackages(path.join(nodeModules, ".package-lock.json"));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([location, entry]) => {
    if (!location.startsWith("node_modules/") && !location.includes("/node_modules/")) return true;
    const present = installed[location];
    // Packages for other platforms are in the lock file and never installed.
    if (present === undefined) return entry.optional === true || entry.peer === true;
    return (
      present.version === entry.version &&
      present.integrity === entry.integrity &&
      present.link === entry.link
    );
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function stamp() {
  if (!existsSync(lockFile)) return "";
  return `${createHash("sha256").update(readFileSync(lockFile)).digest("hex")} ${process.platform}-${process.arch}\n`;
}

function npm(command, reason, ...flags) {
  // Bun and the checks are development and optional dependencies: NODE_ENV=production must not leave them out.
  const args = [
    command,
    ...flags,
    "--include=dev",
    "--include=optional",
    "--no-audit",
    "--no-fund",
  ];
  process.stderr.write(`switchyard: installing packages (${reason}): npm ${args.join(" ")}\n`);
  const options = { cwd: root, stdio: ["ignore", "inherit", "inherit"] };
  // Under `npm run` this names the npm that is running, which need not be the one on the PATH.
  const running = process.env.npm_execpath;
  if (running !== undefined && /npm-cli\.c?js$/.test(running)) {
    return spawnSync(process.execPath, [running, ...args], options);
  }
  return spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
}

function fail(message) {
  process.stderr.write(`switchyard: ${message}\n`);
  process.exit(1);
}
