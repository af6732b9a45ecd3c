// `npm run check`: everything that can be said about the code without running it. Runs all checks and names all that fail.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { bunPath, ensureInstalled, root } from "./bootstrap.mjs";
import { lockFileProblems } from "./lock-file.mjs";

ensureInstalled();
const require = createRequire(path.join(root, "package.json"));

const checks = [
  { name: "types", run: () => runPackage("typescript", "tsc", ["-p", "."]) },
  {
    // Apart, because only code for browsers may know their globals.
    name: "types of the first page",
    run: () => runPackage("typescript", "tsc", ["-p", "packages/server/src/dev/page"]),
  },
  {
    name: "lint",
    run: () =>
      runPackage("oxlint", "oxlint", [
        "--type-aware",
        "--deny-warnings",
        "--report-unused-disable-directives",
      ]),
  },
  {
    name: "format",
    run: () => runPackage("oxfmt", "oxfmt", ["--check", "."]),
    hint: "npm run format",
  },
  {
    name: "unused code and packages",
    run: () => runPackage("knip", "knip", ["--no-progress", "--no-config-hints"]),
  },
  { name: "layers", run: () => runCommand(bunPath(), [path.join("tools", "layers.ts")]) },
  { name: "lock file", run: checkLockFile },
];

const failed = [];
for (const { name, run, hint } of checks) {
  const started = performance.now();
  const { ok, output } = await run();
  const time = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stdout.write(`${ok ? "ok    " : "FAILED"}  ${name}  (${time})\n`);
  if (ok) continue;
  failed.push(name);
  process.stdout.write(
    `${output.trim().replace(/^/gm, "        ")}\n${hint === undefined ? "" : `        To mend it: ${hint}\n`}`,
  );
}
process.stdout.write(
  failed.length === 0
    ? "All checks passed.\n"
    : `${failed.length} of ${checks.length} checks failed: ${failed.join(", ")}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs a package's command with this Node, without a shell or a link in .bin. */
function runPackage(packageName, command, args) {
  const manifest = path.join(root, "node_modules", packageName, "package.json");
  const { bin } = require(manifest);
  const script = path.join(path.dirname(manifest), typeof bin === "string" ? bin : bin[command]);
  return runCommand(process.execPath, [script, ...args]);
}

function runCommand(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.once("error", (error) => resolve({ ok: false, output: error.message }));
    child.once("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString();
      resolve({
        ok: code === 0,
        output: signal === null ? output : `${output}\nended by ${signal}`,
      });
    });
  });
}

async function checkLockFile() {
  const problems = lockFileProblems(root);
  return { ok: problems.length === 0, output: problems.join("\n") };
}
