import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkLayers } from "./layers.ts";

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const manifest = (name: string, dependencies: Dependencies = {}) =>
  JSON.stringify({
    name: `@switchyard/${name}`,
    exports: { ".": "./src/index.ts" },
    ...dependencies,
  });

/** A small repository without violations. */
const CLEAN: Readonly<Record<string, string>> = {
  "packages/protocol/package.json": manifest("protocol"),
  "packages/protocol/src/index.ts": `export const protocol = 1;`,
  "packages/core/package.json": manifest("core", {
    dependencies: { "@switchyard/protocol": "0.1.0" },
    devDependencies: { "@switchyard/testkit": "0.1.0" },
  }),
  "packages/core/src/index.ts": `export { protocol } from "@switchyard/protocol";`,
  "packages/core/src/index.test.ts": `import { kit } from "@switchyard/testkit";\nkit(Date.now());`,
  "packages/testkit/package.json": manifest("testkit", {
    dependencies: { "@switchyard/core": "0.1.0" },
  }),
  "packages/testkit/src/index.ts": `import "@switchyard/core";\nexport const kit = console.log;`,
  "packages/server/package.json": manifest("server", {
    dependencies: { "@switchyard/core": "0.1.0" },
  }),
  "packages/server/src/index.ts": `import { protocol } from "@switchyard/core";\nexport { protocol };`,
  "tools/start.mjs": `#!/usr/bin/env node\nimport "../packages/server/bin/bun-process.mjs";`,
};

/** The violations of the clean repository with some files added or replaced, as `file:line: message`. */
async function violations(changes: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = await mkdtemp(path.join(tmpdir(), "layers-"));
  folders.push(root);
  const files = Object.entries({ ...CLEAN, ...changes });
  await Promise.all(files.map(([name, content]) => Bun.write(path.join(root, name), content)));
  return (await checkLayers(root)).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

test("a repository that keeps to the rules has no violation", async () => {
  expect(await violations({})).toEqual([]);
});

test("a folder without sources is an error, not a clean result", async () => {
  const empty = await mkdtemp(path.join(tmpdir(), "layers-"));
  folders.push(empty);
  await expect(checkLayers(empty)).rejects.toThrow("No source files");
});

const source = "packages/core/src/planted.ts";

test.each([
  [
    "an import against the table, as a type only",
    `\nimport type { Server } from "@switchyard/server";`,
    [`${source}:2: core may not import server (tools/layers/table.ts)`],
  ],
  [
    "a path into another package",
    `import "../../protocol/src/index.ts";`,
    [
      `${source}:1: "../../protocol/src/index.ts" leads out of packages/core; import the package by its name`,
    ],
  ],
  [
    "the source folder of another package by its name",
    `import "@switchyard/protocol/src/index.ts";`,
    [
      `${source}:1: "@switchyard/protocol/src/index.ts" reaches into @switchyard/protocol; import what it exports`,
    ],
  ],
  [
    "testkit outside of tests",
    `import { kit } from "@switchyard/testkit";`,
    [`${source}:1: @switchyard/testkit may only be imported by tests`],
  ],
  [
    "modules that do input or output",
    `import { readFile } from "node:fs/promises";\nimport { sql } from "bun";`,
    [
      `${source}:1: core does no input or output and must not import "node:fs/promises"`,
      `${source}:2: core does no input or output and must not import "bun"`,
    ],
  ],
])("%s is found", async (_, content, expected) => {
  expect(await violations({ [source]: content })).toEqual(expected);
});

test("an undeclared package is found", async () => {
  const found = await violations({ "packages/core/package.json": manifest("core") });
  expect(found).toEqual([
    "packages/core/src/index.test.ts:1: @switchyard/testkit is not in the devDependencies of packages/core/package.json",
    "packages/core/src/index.ts:1: @switchyard/protocol is not in the dependencies of packages/core/package.json",
  ]);
});

test("a declared dependency against the table is found, and testkit as a runtime dependency", async () => {
  const dependencies = {
    "@switchyard/core": "0.1.0",
    "@switchyard/protocol": "0.1.0",
    "@switchyard/testkit": "0.1.0",
  };
  const found = await violations({
    "packages/server/package.json": manifest("server", { dependencies }),
    "packages/protocol/package.json": manifest("protocol", {
      devDependencies: { "@switchyard/server": "0.1.0" },
    }),
  });
  expect(found).toEqual([
    "packages/protocol/package.json:1: protocol may not import server (tools/layers/table.ts)",
    "packages/server/package.json:1: @switchyard/testkit may only be in devDependencies",
  ]);
});

test("a package that the table does not know is found", async () => {
  const found = await violations({ "packages/extra/package.json": manifest("extra") });
  expect(found).toEqual([
    "packages/extra/package.json:1: extra is not in the table of layers (tools/layers/table.ts)",
  ]);
});

test("a cycle of imports is found, a cycle through types is none", async () => {
  const found = await violations({
    "packages/server/src/a.ts": `import { b } from "./b.ts";\nexport const a = b;`,
    "packages/server/src/b.ts": `export { c as b } from "./inner/c.ts";`,
    "packages/server/src/inner/c.ts": `import { a } from "../a.ts";\nexport const c = () => a;`,
    "packages/server/src/x.ts": `import { y } from "./y.ts";\nexport interface X { y: typeof y }`,
    "packages/server/src/y.ts": `import type { X } from "./x.ts";\nexport const y: X | 1 = 1;`,
  });
  expect(found).toEqual([
    "packages/server/src/a.ts:1: import cycle: packages/server/src/a.ts → packages/server/src/b.ts → packages/server/src/inner/c.ts → packages/server/src/a.ts",
  ]);
});

test("each use of input, output, time and chance in core is found, lookalikes are not", async () => {
  const uses = [
    "Bun.file(x)",
    "process.env",
    "fetch(x)",
    "setTimeout(x, 1)",
    "clearTimeout(setInterval(x, 1))",
    "Math.random()",
    "Date.now()",
    "new Date()",
    "performance.now()",
    "console.log(x)",
    "crypto.randomUUID()",
    "globalThis",
    "`${Date.now()}`",
  ];
  const lookalikes = [
    "// Date.now() and process.env are forbidden",
    `const text = "Bun.file " + 'fetch(x)' + \`Math.random()\`;`,
    "store.fetch(x); class A { #fetch() {} b() { this.#fetch(); } }; clock.setTimeout; new Date(5); new DateRange(); reprocess.x; process(x);",
  ];
  const content = [...uses.map((use) => `${use};`), ...lookalikes].join("\n");
  const found = await violations({ [source]: content });
  const lines = [...new Set(found.map((violation) => Number(violation.split(":")[1])))];
  expect(lines).toEqual(uses.map((_, index) => index + 1));
  // The same content is fine where input and output are at home, and in tests.
  expect(
    await violations({
      "packages/server/src/planted.ts": content,
      "packages/core/src/planted.test.ts": content,
    }),
  ).toEqual([]);
});
