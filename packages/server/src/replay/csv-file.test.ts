import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCsv } from "./csv-file.ts";
import type { CsvEncoding } from "./csv-file.ts";
import { oddities } from "./harness/oddities.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-csv-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function write(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.csv`);
  await writeFile(path, content);
  return path;
}

async function read(
  content: string | Uint8Array,
  encoding?: CsvEncoding,
): Promise<{ columns: readonly string[]; lines: readonly (readonly string[])[] }> {
  const file = await openCsv(await write(content), encoding);
  try {
    return {
      columns: file.columns,
      lines: (await Array.fromAsync(file.lines)).map(({ values }) => values),
    };
  } finally {
    await file.close();
  }
}

test("reads quotes, commas, line breaks in values, double spaces, CRLF, a byte order mark, and no newline at the end", async () => {
  expect(await read(oddities.csv)).toEqual({ columns: oddities.columns, lines: oddities.lines });
});

test("numbers the lines and tells how many bytes of the file they reach to", async () => {
  const content = "A,B\n1,ä\n\n2,b\n3,c";
  const file = await openCsv(await write(content));
  const lines = await Array.fromAsync(file.lines);
  await file.close();
  expect(file.sizeBytes).toBe(Buffer.byteLength(content));
  expect(lines.map(({ line }) => line)).toEqual([1, 2, 3]);
  expect(lines.map(({ endByte }) => endByte).toSorted((a, b) => a - b)).toEqual(
    lines.map(({ endByte }) => endByte),
  );
  expect(lines.at(-1)?.endByte).toBe(file.sizeBytes);
});

test("reads Latin-1 when told so, and refuses it as UTF-8", async () => {
  const latin1 = Buffer.from("Name\ncafé £5\n", "latin1");
  expect((await read(latin1, "latin1")).lines).toEqual([["café £5"]]);
  await expect(read(latin1)).rejects.toThrow(
    "is not UTF-8. If it is Latin-1, give --encoding latin1.",
  );
});

test("refuses a UTF-8 file that ends within a letter", async () => {
  await expect(read(Buffer.from("Name\ncaf\u00E9").subarray(0, -1))).rejects.toThrow(
    "is not UTF-8",
  );
});

test.each([
  ["an empty file", "", "is empty: its first line must name the columns"],
  ["a column without a name", "A,,C\n", "column 2 has no name"],
  ["two columns of one name", "A,B,A\n", "there are two columns A"],
  ["a line with too few values", "A,B\n1,2\n3\n", "expect 2, got 1 on line 3"],
  ["a quote that is never closed", 'A,B\n1,"2\n', "Quote Not Closed"],
])("refuses %s", async (_, content, message) => {
  await expect(read(content)).rejects.toThrow(message);
});

test("an open quote does not take a whole file into memory", async () => {
  await expect(read(`A\n"${"x".repeat(3_000_000)}`)).rejects.toThrow("Max Record Size");
});

test("refuses what is not there or no file", async () => {
  await expect(openCsv(join(folder, "absent.csv"))).rejects.toThrow(
    "absent.csv cannot be read (ENOENT)",
  );
  await expect(openCsv(folder)).rejects.toThrow("is not a file");
});

test("may be left and closed in the middle of a long file", async () => {
  const file = await openCsv(await write(`A\n${"0123456789\n".repeat(1_000_000)}`));
  let line = 0;
  for await (const read of file.lines) {
    line = read.line;
    if (line === 10) break;
  }
  await file.close();
  expect(line).toBe(10);
});
