// `npm test [-- [--seed N] path…]`: every test in one command. The last line on standard output is `N passed, N failed[, N skipped]`.
import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { bunPath, ensureInstalled, root } from "./bootstrap.mjs";
import { RUN_VARIABLE, settledLeftovers } from "./leftover-processes.mjs";
import { provideTool } from "./system-tools.mjs";
import { findSuites } from "./test-suites.mjs";

/** How long processes of a finished group may take to end. */
const LEFTOVER_GRACE_MS = 2_000;
/** How long a group may take to end after Ctrl-C or its time limit before it is killed. */
const STOP_GRACE_MS = 5_000;

const totals = { passed: 0, failed: 0, skipped: 0 };
/** What the end of the run must name, because it scrolled away or was never printed. */
const problems = [];
let interruptedBy;
let running;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    interruptedBy = signal;
    running?.stop(signal);
  });
}

const { seed, patterns } = parseArguments(process.argv.slice(2));
ensureInstalled();
const bun = bunPath();
const runId = `${process.pid}-${randomBytes(4).toString("hex")}`;
// Short, because the path of a Unix socket has 107 characters at most; readable for all, because PostgreSQL runs as another user under root.
const temporaryFolder = path.join(tmpdir(), `switchyard-${runId}`);
mkdirSync(temporaryFolder);
chmodSync(temporaryFolder, 0o755);

const suites = findSuites(root, patterns);
say(
  `seed ${seed} (again: npm test -- --seed ${seed}${patterns.map((pattern) => ` ${pattern}`).join("")})`,
);
const runStarted = performance.now();
try {
  for (const suite of suites) {
    if (interruptedBy !== undefined) break;
    await runSuite(suite);
  }
} finally {
  rmSync(temporaryFolder, { recursive: true, force: true, maxRetries: 3 });
}

if (interruptedBy !== undefined) fail(`interrupted by ${interruptedBy}`);
if (totals.passed + totals.failed === 0)
  fail(patterns.length > 0 ? `no test ran for ${patterns.join(", ")}` : "no test ran");
say(`${seconds(runStarted)} in all, seed ${seed}`);
if (problems.length > 0)
  say(
    `\n${"=".repeat(72)}\n${problems.map((problem) => `  ${problem}`).join("\n")}\n${"=".repeat(72)}`,
  );
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode =
  interruptedBy === undefined ? Number(totals.failed > 0) : 128 + constants.signals[interruptedBy];

async function runSuite(suite) {
  const tool = suite.needs === undefined ? { env: {} } : provideTool(suite.needs);
  if (tool.missing !== undefined) {
    skipSuite(suite, tool.missing);
    return;
  }
  const label = `${suite.name} (${suite.files.length} ${suite.files.length === 1 ? "file" : "files"})`;
  say(`\n--- ${label}`);
  const started = performance.now();
  const report = path.join(temporaryFolder, `report-${suites.indexOf(suite)}.xml`);
  const exit = await runGroup(suite, report, tool.env);
  const counts = readReport(report, suite.files);
  totals.passed += counts.passed;
  totals.failed += counts.failed;
  totals.skipped += counts.skipped;
  for (const file of counts.absent) fail(`${file}: holds no test, or did not load; see above`);
  const ending = describeEnding(suite, exit, counts.failed + counts.absent.length);
  if (ending !== undefined) fail(`${suite.name}: ${ending}`);
  if (counts.failed > 0)
    problems.push(`${suite.name}: ${counts.failed} failed: ${counts.failures.join("; ")}`);
  await endLeftovers(suite, exit.group);
  say(
    `--- ${label}: ${counts.passed} passed, ${counts.failed + counts.absent.length} failed, ${counts.skipped} skipped, ${seconds(started)}`,
  );
}

/** What was wrong with how the runner ended, apart from the failures that it counted. */
function describeEnding(suite, { code, signal, timedOut }, failures) {
  if (timedOut) return `stopped after ${suite.groupTimeoutMs / 60_000} minutes`;
  if (interruptedBy !== undefined) return undefined;
  if (signal !== null) return `the runner was ended by ${signal}`;
  if (code !== 0 && failures === 0)
    return `the runner ended with exit code ${code} although no test failed`;
  return undefined;
}

function skipSuite(suite, reason) {
  const text = `${suite.name}: ${suite.files.length} test files did not run: ${reason}`;
  if (process.env.CI === "true") {
    fail(text);
  } else {
    totals.skipped += suite.files.length;
    problems.push(`SKIPPED ${text}`);
  }
  say(`\n--- ${text}`);
}

/** Runs one group in a process group of its own, so that afterwards everything that it started can be found. */
function runGroup(suite, report, env) {
  const args = ["test", "--randomize", `--seed=${seed}`, `--timeout=${suite.testTimeoutMs}`];
  args.push(
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...suite.files.map((file) => `./${file}`),
  );
  const child = spawn(bun, args, {
    cwd: root,
    detached: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env, [RUN_VARIABLE]: runId, TMPDIR: temporaryFolder },
  });
  return new Promise((resolve) => {
    let timedOut = false;
    let kill;
    const stop = (signal) => {
      signalGroup(child.pid, signal);
      kill ??= setTimeout(() => signalGroup(child.pid, "SIGKILL"), STOP_GRACE_MS);
    };
    const limit = setTimeout(() => {
      timedOut = true;
      stop("SIGTERM");
    }, suite.groupTimeoutMs);
    running = { stop };
    const end = (code, signal) => {
      running = undefined;
      clearTimeout(limit);
      clearTimeout(kill);
      resolve({ code, signal, timedOut, group: child.pid });
    };
    child.once("exit", end);
    child.once("error", (error) => end(null, error.message));
  });
}

async function endLeftovers(suite, group) {
  if (group === undefined) return;
  const left = await settledLeftovers({ group, runId, temporaryFolder }, LEFTOVER_GRACE_MS);
  for (const { pid, command } of left) {
    // After Ctrl-C tests had no chance to clean up: end what they left, but do not blame them.
    if (interruptedBy === undefined)
      fail(`${suite.name}: left process ${pid} running: ${command.slice(0, 200)}`);
    signalProcess(pid, "SIGKILL");
  }
}

/** Counts of one JUnit file. `absent` are the files of which it holds no test: Bun leaves those out that it could not load. */
function readReport(report, files) {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    // Bun writes none when it crashes or when no file could be loaded: then all files are absent.
  }
  const cases = [...xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes, , body = ""]) => ({
      file: attribute(attributes, "file"),
      name: [attribute(attributes, "classname"), attribute(attributes, "name")]
        .filter((part) => part !== "")
        .join(" > "),
      outcome: /<(failure|error)\b/.test(body)
        ? "failed"
        : body.includes("<skipped")
          ? "skipped"
          : "passed",
    }),
  );
  const count = (outcome) => cases.filter((entry) => entry.outcome === outcome).length;
  const seen = new Set(
    cases.map(({ file }) => path.relative(root, path.resolve(root, file)).replaceAll("\\", "/")),
  );
  return {
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    failures: cases
      .filter(({ outcome }) => outcome === "failed")
      .map(({ file, name }) => `${file} "${name}"`),
    absent: files.filter((file) => !seen.has(file)),
  };
}

function attribute(attributes, name) {
  const entities = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return value.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity) => entities[entity]);
}

function parseArguments(args) {
  const options = { seed: randomInt(1, 2 ** 31), patterns: [] };
  for (let index = 0; index < args.length; index += 1) {
    const [flag, inline] = args[index].split("=");
    if (flag === "--seed") {
      options.seed = Number(inline ?? args[(index += 1)]);
      if (Number.isInteger(options.seed)) continue;
    } else if (!flag.startsWith("-")) {
      options.patterns.push(args[index]);
      continue;
    }
    process.stderr.write("Usage: npm test -- [--seed N] [path or part of a path]…\n");
    process.exit(2);
  }
  return options;
}

function fail(problem) {
  totals.failed += 1;
  problems.push(problem);
}

function signalGroup(group, signal) {
  if (group !== undefined) signalProcess(-group, signal);
}

function signalProcess(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended by itself meanwhile.
    if (error.code !== "ESRCH") throw error;
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
