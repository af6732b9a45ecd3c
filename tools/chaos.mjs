// `npm run chaos -- <scenario> [arguments]`: runs chaos/src/scenarios/<scenario>.ts.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { ensureInstalled, root, runBun } from "./bootstrap.mjs";

const directory = path.join(root, "chaos", "src", "scenarios");
const scenarios = existsSync(directory)
  ? readdirSync(directory)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => file.slice(0, -".ts".length))
      .toSorted()
  : [];
const [scenario, ...args] = process.argv.slice(2);

if (scenario !== undefined && scenarios.includes(scenario)) {
  ensureInstalled();
  process.exitCode = await runBun([path.join(directory, `${scenario}.ts`), ...args]);
} else {
  if (scenario !== undefined) process.stderr.write(`There is no scenario "${scenario}".\n`);
  process.stderr.write(
    `Usage: npm run chaos -- <scenario> [arguments]\nScenarios: ${scenarios.join(", ") || "none yet"}\n`,
  );
  process.exitCode = 2;
}
