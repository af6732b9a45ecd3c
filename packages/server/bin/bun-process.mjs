// Finds the Bun that npm installed and runs it in the place of this Node process.
// Plain Node without dependencies: it also runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from "node:fs";
import { constants as osConstants } from "node:os";
import path from "node:path";

/** First bytes of an ELF, Mach-O (64 bit, either byte order, universal) or PE file, as hex. */
const EXECUTABLE_MAGIC = ["7f454c46", "cffaedfe", "feedfacf", "cafebabe", "4d5a"];

/**
 * Bun's default of 256 requests at a time would throttle a server that pushes to many; it reads the limit only at start.
 */
const MAX_HTTP_REQUESTS = "65336";

/**
 * The Bun executable under `nodeModules`, or undefined when there is none.
 *
 * Bun's npm package ships a placeholder that its postinstall script replaces. Where npm blocks install scripts the
 * placeholder stays, and the binary is still in the platform package; where that is missing too, Bun's own installer is run.
 */
export function findBun(nodeModules) {
  const found = installedBun(nodeModules);
  if (found !== undefined) return found;
  const installer = path.join(nodeModules, "bun", "install.js");
  if (!existsSync(installer)) return undefined;
  spawnSync(process.execPath, [installer], { cwd: path.dirname(installer), stdio: "inherit" });
  return installedBun(nodeModules);
}

/** The nearest `node_modules` at or above `directory` that holds Bun, or undefined. */
export function nodeModulesWithBun(directory) {
  for (let current = directory; ; current = path.dirname(current)) {
    const candidate = path.join(current, "node_modules");
    if (existsSync(path.join(candidate, "bun", "package.json"))) return candidate;
    if (current === path.dirname(current)) return undefined;
  }
}

/**
 * Runs `bun` with this process's standard streams and resolves with the exit code that this process should end with
 * (128 + signal number when Bun was ended by a signal). SIGINT, SIGTERM and SIGHUP are passed on, each once.
 */
export function runExecutable(bun, args, { env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(bun, args, {
      stdio: "inherit",
      cwd,
      env: { BUN_CONFIG_MAX_HTTP_REQUESTS: MAX_HTTP_REQUESTS, ...process.env, ...env },
    });
    const forwarded = new Map();
    const forward = (signal) => {
      // npm passes signals on as well, so one Ctrl-C can arrive here twice; a second one at Bun would mean "stop at once".
      const now = performance.now();
      if (now - (forwarded.get(signal) ?? Number.NEGATIVE_INFINITY) < 500) return;
      forwarded.set(signal, now);
      // The terminal has sent it to Bun already.
      if (signal !== "SIGTERM" && ownsTerminal()) return;
      child.kill(signal);
    };
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => [
      signal,
      () => forward(signal),
    ]);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    const release = () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    child.once("error", (error) => {
      release();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      release();
      resolve(signal === null ? code : 128 + osConstants.signals[signal]);
    });
  });
}

/** Whether this process is in the foreground of a terminal, so that Ctrl-C reaches its children directly. */
function ownsTerminal() {
  try {
    // After the parenthesised command: state, ppid, pgrp, session, tty, tpgid (proc(5)).
    const stat = readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  }
}

function installedBun(nodeModules) {
  const direct = path.join(nodeModules, "bun", "bin", "bun.exe");
  if (isExecutableBinary(direct)) return direct;
  const scope = path.join(nodeModules, "@oven");
  const prefix = `bun-${process.platform === "win32" ? "windows" : process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  const packages = existsSync(scope)
    ? readdirSync(scope).filter((name) => name.startsWith(prefix))
    : [];
  return packages
    .flatMap((name) => ["bun", "bun.exe"].map((file) => path.join(scope, name, "bin", file)))
    .find((file) => isExecutableBinary(file) && spawnSync(file, ["--version"]).status === 0);
}

function isExecutableBinary(file) {
  let descriptor;
  try {
    descriptor = openSync(file, "r");
    const head = Buffer.alloc(4);
    readSync(descriptor, head, 0, 4, 0);
    if (!EXECUTABLE_MAGIC.some((magic) => head.toString("hex").startsWith(magic))) return false;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
  try {
    accessSync(file, constants.X_OK);
  } catch {
    chmodSync(file, 0o755);
  }
  return true;
}
