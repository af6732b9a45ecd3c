#!/usr/bin/env node
// `npx switchyard …`: Node's way in. It starts Bun with the command line and passes signals and the exit code on.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findBun, nodeModulesWithBun, runExecutable } from "./bun-process.mjs";

const packageDirectory = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const nodeModules = nodeModulesWithBun(packageDirectory);
const bun = nodeModules === undefined ? undefined : findBun(nodeModules);

if (bun === undefined) {
  process.stderr.write(
    "switchyard: Bun is not installed here. Run `npm install` in the checkout and try again.\n",
  );
  process.exitCode = 1;
} else {
  process.exitCode = await runExecutable(bun, [
    path.join(packageDirectory, "src", "cli.ts"),
    ...process.argv.slice(2),
  ]);
}
