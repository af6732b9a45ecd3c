// `npm start`: everything a newcomer needs in one command.
import { ensureInstalled, runBun } from "./bootstrap.mjs";

ensureInstalled();
process.exitCode = await runBun([
  "packages/server/src/cli.ts",
  "serve",
  "--dev",
  ...process.argv.slice(2),
]);
