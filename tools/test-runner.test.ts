import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const checkout = path.dirname(import.meta.dir);
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** A checkout that shares the installed packages with this one and holds only the given test files. */
async function checkoutWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "runner-"));
  folders.push(root);
  const copied = ["package.json", "tools", "packages/server/bin"];
  await Promise.all(
    copied.map((name) =>
      cp(path.join(checkout, name), path.join(root, name), {
        recursive: true,
        filter: (source) => !source.includes(".test."),
      }),
    ),
  );
  // Without a lock file, so that the packages count as installed whatever their versions are.
  await symlink(path.join(checkout, "node_modules"), path.join(root, "node_modules"));
  await Promise.all(
    Object.entries(files).map(([name, content]) => Bun.write(path.join(root, name), content)),
  );
  return root;
}

/** Runs `npm test` there without npm. `PATH` holds Node alone, so that no system tool is found or installed. */
function start(
  root: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const node = Bun.which("node");
  if (node === null) throw new Error("node is not on the PATH");
  return Bun.spawn([node, path.join(root, "tools", "test.mjs"), ...args], {
    env: { ...process.env, CI: "", PATH: path.join(root, "no-tools"), ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(
  root: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const child = start(root, args, env);
  const [output] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { output, closing: output.trimEnd().split("\n").at(-1), exitCode: child.exitCode };
}

const PASSING = `import { test, expect } from "bun:test";\ntest("good", () => { expect(1).toBe(1); });\n`;

test("passing and skipped tests of several groups are counted, in the order of the given seed", async () => {
  const root = await checkoutWith({
    "packages/a/src/a.test.ts": `${PASSING}test.skip("later", () => {});`,
    "packages/a/src/a.fuzz.test.ts": PASSING,
    "packages/a/src/a.browser.test.ts": PASSING,
    "packages/a/node_modules/b/b.test.ts": `throw new Error("not ours");`,
  });
  const { output, closing, exitCode } = await run(root, ["--seed", "7"]);
  expect({ closing, exitCode }).toEqual({ closing: "2 passed, 0 failed, 2 skipped", exitCode: 0 });
  expect(output).toContain("seed 7");
  expect(output).toContain("SKIPPED browser: 1 test files did not run: chromium is not installed");
});

test("a missing system tool is a failure in continuous integration", async () => {
  const root = await checkoutWith({
    "packages/a/src/a.test.ts": PASSING,
    "packages/a/src/a.browser.test.ts": PASSING,
  });
  const { closing, exitCode } = await run(root, [], { CI: "true" });
  expect({ closing, exitCode }).toEqual({ closing: "1 passed, 1 failed", exitCode: 1 });
});

test("failures, files that do not load and a crash are counted and named", async () => {
  const root = await checkoutWith({
    "packages/a/src/fails.test.ts": `${PASSING}test("is <bad>", () => { expect(1).toBe(2); });`,
    "packages/a/src/broken.test.ts": `import "./nowhere.ts";`,
    "packages/a/src/crash.soak.test.ts": `import { test } from "bun:test";\ntest("x", () => { process.kill(process.pid, "SIGKILL"); });`,
  });
  const { output, closing, exitCode } = await run(root);
  expect({ closing, exitCode }).toEqual({ closing: "1 passed, 4 failed", exitCode: 1 });
  expect(output).toContain(`packages/a/src/fails.test.ts "is <bad>"`);
  expect(output).toContain("packages/a/src/broken.test.ts: holds no test, or did not load");
  expect(output).toContain("heavy: the runner was ended by SIGKILL");
});

test("no test at all is a failure", async () => {
  const root = await checkoutWith({ "packages/a/src/a.test.ts": PASSING });
  const { closing, exitCode } = await run(root, ["nowhere"]);
  expect({ closing, exitCode }).toEqual({ closing: "0 passed, 1 failed", exitCode: 1 });
});

test.skipIf(process.platform !== "linux")(
  "a process that outlives its group is named and ended, wherever it hides",
  async () => {
    const spawned = (command: string, options: string) =>
      `Bun.spawn(${command}, ${options}).unref();\n`;
    const sleep = JSON.stringify([Bun.which("sleep"), "300"]);
    const root = await checkoutWith({
      "packages/a/src/a.test.ts": [
        PASSING,
        spawned(sleep, `{ stdio: ["ignore", "ignore", "ignore"] }`),
        spawned(sleep, `{ detached: true, env: { ...process.env } }`),
        spawned(sleep, `{ detached: true, env: {}, cwd: process.env.TMPDIR }`),
      ].join(""),
    });
    const { output, closing, exitCode } = await run(root);
    expect({ closing, exitCode }).toEqual({ closing: "1 passed, 3 failed", exitCode: 1 });
    const pids = [...output.matchAll(/left process (\d+) running: \S*sleep 300/g)].map((match) =>
      Number(match[1]),
    );
    expect(pids).toHaveLength(3);
    const alive = pids.filter((pid) => {
      try {
        return process.kill(pid, 0) && !/^State:\s+Z/m.test(statusOf(pid));
      } catch {
        return false;
      }
    });
    expect(alive).toEqual([]);
  },
);

test("an interrupt ends the running group", async () => {
  const root = await checkoutWith({
    "packages/a/src/a.test.ts": `import { test } from "bun:test";\ntest("waits", async () => { console.log("it waits"); await new Promise(() => {}); }, 600_000);`,
  });
  const child = start(root);
  let output = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (!output.includes("it waits") && (output + chunk).includes("it waits")) child.kill("SIGINT");
    output += chunk;
  }
  await child.exited;
  expect(child.exitCode).toBe(130);
  expect(output).toContain("interrupted by SIGINT");
});

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}
