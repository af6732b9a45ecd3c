import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeTemporaryFolder, removeFolder } from "../../test/temporary-folder.ts";
import { boundLogFile, logFileSize, openLogFile, readLogFrom } from "./log-file.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await makeTemporaryFolder();
  path = join(folder, "postgres.log");
});

afterEach(() => removeFolder(folder));

test("a full log is put aside under its writer, a smaller one is left alone", () => {
  const log = openLogFile(path);
  writeSync(log, "first\n");
  boundLogFile(path, 6);
  expect(readFileSync(path, "utf8")).toBe("first\n");
  boundLogFile(path, 5);
  writeSync(log, "second\n");
  closeSync(log);
  expect(readFileSync(path, "utf8")).toBe("second\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("first\n");
});

test("reads what was written after a position, at most 4 KiB of it", async () => {
  const log = openLogFile(path);
  writeSync(log, "before\n");
  const position = logFileSize(path);
  writeSync(log, "after\n");
  expect(await readLogFrom(path, position)).toBe("after");
  writeSync(log, `${"x".repeat(10_000)}end`);
  expect(await readLogFrom(path, position)).toHaveLength(4096);
  expect(await readLogFrom(path, 1_000_000)).toEndWith("xend"); // emptied since
  closeSync(log);
});
