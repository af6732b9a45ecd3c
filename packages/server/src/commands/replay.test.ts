import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "./command.ts";
import { replayCommand } from "./replay.ts";

let cwd = "";

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "switchyard-replay-command-"));
  await writeFile(join(cwd, "lines.csv"), "InvoiceDate,Country\n01-12-10 8:26,Norway\n");
});

afterAll(async () => {
  await rm(cwd, { recursive: true });
});

async function failure(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly message: string }> {
  try {
    await replayCommand.run(args, { out: () => {}, note: () => {}, env, cwd });
  } catch (error) {
    if (error instanceof CommandError) return { code: error.exitCode, message: error.message };
    throw error;
  }
  throw new Error("it did not fail");
}

const channel = ["--channel", "inventory:{Country}"];

test.each([
  [[], "needs a CSV file"],
  [["lines.csv"], "needs --channel"],
  [["lines.csv", "more.csv", ...channel], "does not know more.csv"],
  [["lines.csv", ...channel, "--sped", "2"], "does not know --sped"],
  [["lines.csv", ...channel, "--speed", "fast"], "--speed needs a number such as 600 or 0.5"],
  [["lines.csv", ...channel, "--speed", "-1"], "--speed needs a number"],
  [["lines.csv", ...channel, "--batch", "0"], "--batch needs a whole number from 1 to 1000"],
  [["lines.csv", ...channel, "--give-up-after", "60"], "--give-up-after needs a duration"],
  [["lines.csv", ...channel, "--encoding", "utf-16"], '--encoding needs one of "utf-8", "latin1"'],
  [["lines.csv", ...channel, "--time-format", "US"], '--time-format needs one of "auto", '],
  [["lines.csv", ...channel, "--url", "localhost:8000"], "--url needs an http:// or https:// URL"],
])("%p is used wrongly", async (args, message) => {
  const { code, message: told } = await failure(args);
  expect({ code, told }).toEqual({ code: 2, told: expect.stringContaining(message) });
});

test("without a key it says so, and makes none", async () => {
  const { code, message } = await failure(["lines.csv", ...channel, "--data-dir", "absent"]);
  expect({ code, message }).toEqual({
    code: 1,
    message: `No API key: SWITCHYARD_API_KEY is not set and ${join(cwd, "absent", "secrets.json")} does not exist. Give one, or the server's data directory with --data-dir.`,
  });
  expect(await readdir(cwd)).toEqual(["lines.csv"]);
});

test.each([
  [["absent.csv", ...channel], "absent.csv cannot be read (ENOENT)"],
  [["lines.csv", "--channel", "{Land}"], "--channel: the file has no column Land."],
  [["lines.csv", ...channel, "--time", "Date"], "--time: the file has no column Date."],
  [["lines.csv", ...channel, "--numbers", "Price"], "--numbers: the file has no column Price."],
])("%p fails with what is wrong with the file", async (args, message) => {
  const { code, message: told } = await failure(args, {
    SWITCHYARD_API_KEY: "a-key-of-some-length",
  });
  expect({ code, told }).toEqual({ code: 1, told: expect.stringContaining(message) });
});
