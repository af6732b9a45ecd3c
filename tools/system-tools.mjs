// Programs that some test suites need and npm cannot install.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Per tool: the names that it goes by, its Debian package, and the variable that tells the tests where it is. */
const TOOLS = {
  chromium: {
    commands: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    aptPackage: "chromium",
    variable: "SWITCHYARD_TEST_CHROMIUM",
  },
  "redis-server": {
    commands: ["redis-server", "valkey-server"],
    aptPackage: "redis-server",
    variable: "SWITCHYARD_TEST_REDIS_SERVER",
  },
};

let aptUpdated = false;

/**
 * Finds a tool, installing it through apt-get when this process is root on a system that has it.
 * Returns `{ env }`, the variables for the tests, or `{ missing }`, the reason in a sentence.
 */
export function provideTool(name) {
  const tool = TOOLS[name];
  const present = locate(tool);
  if (present !== undefined) return { env: { [tool.variable]: present } };
  if (process.getuid?.() !== 0 || onPath("apt-get") === undefined) {
    return {
      missing: `${name} is not installed (Debian and Ubuntu: sudo apt-get install ${tool.aptPackage})`,
    };
  }
  const failed = aptInstall(tool.aptPackage);
  if (failed !== undefined) return { missing: `${name} is not installed and \`${failed}\` failed` };
  const installed = locate(tool);
  return installed === undefined
    ? { missing: `${name} is not on the PATH after its package was installed` }
    : { env: { [tool.variable]: installed } };
}

function locate(tool) {
  const given = process.env[tool.variable];
  if (given !== undefined && given !== "") return given;
  return tool.commands.map(onPath).find((file) => file !== undefined);
}

/** Returns the command that failed, undefined on success. */
function aptInstall(aptPackage) {
  const commands = aptUpdated ? [] : [["update"]];
  commands.push(["install", "-y", "--no-install-recommends", aptPackage]);
  for (const args of commands) {
    const line = `apt-get ${args.join(" ")}`;
    process.stderr.write(`switchyard: ${line}\n`);
    const result = spawnSync("apt-get", ["-q", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (result.status !== 0) return line;
    if (args[0] === "update") aptUpdated = true;
  }
  return undefined;
}

function onPath(command) {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((directory) => path.join(directory, command))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
