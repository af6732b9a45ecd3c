import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { pipeline, Transform } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { z } from "zod";
import { ReplayError } from "./replay-error.ts";

/** One data line. A quoted value may hold line breaks, so that a line can span several lines of the file. */
export interface CsvLine {
  /** 1 for the first line after the header. Blank lines do not count. */
  readonly line: number;
  /** One per column, as in the file without its quotes. */
  readonly values: readonly string[];
  /** Bytes of the file up to here, at most `CsvFile.sizeBytes`. */
  readonly endByte: number;
}

export interface CsvFile {
  /** From the header; distinct and not empty. */
  readonly columns: readonly string[];
  readonly sizeBytes: number;
  /**
   * The data lines in the file's order, to be iterated once. Read ahead are some 100 KiB, whatever the file's
   * size. Throws `ReplayError` at a line that is not CSV or has another number of values than the header.
   */
  readonly lines: AsyncIterable<CsvLine>;
  /** Idempotent. Ends `lines`. */
  close(): Promise<void>;
}

export const csvEncodings = ["utf-8", "latin1"] as const;
export type CsvEncoding = (typeof csvEncodings)[number];

/** Of one line. An opening quote that is never closed would otherwise take the rest of the file into memory. */
const maxLineBytes = 1_048_576;
const chunkBytes = 65_536;

/**
 * Opens a CSV file (RFC 4180: commas, double quotes, CRLF or LF, an optional byte order mark, the last newline may
 * be missing) and reads its header. Throws `ReplayError`.
 */
export async function openCsv(path: string, encoding: CsvEncoding = "utf-8"): Promise<CsvFile> {
  const handle = await openFile(path);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new ReplayError(`${path} is not a file`);
    return await readHeader(path, handle, stat.size, encoding);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(
  path: string,
  handle: FileHandle,
  sizeBytes: number,
  encoding: CsvEncoding,
): Promise<CsvFile> {
  const parser = parse({
    bom: true,
    encoding,
    info: true,
    max_record_size: maxLineBytes,
    skip_empty_lines: true,
  });
  const source = handle.createReadStream({ highWaterMark: chunkBytes, autoClose: false });
  const failed = (): void => {}; // the error reaches whoever iterates the parser
  if (encoding === "utf-8") pipeline(source, utf8Check(path), parser, failed);
  else pipeline(source, parser, failed);
  const records = readRecords(parser, path);
  const close = async (): Promise<void> => {
    source.destroy();
    parser.destroy();
    await handle.close();
  };

  const header = await records.next();
  if (header.done === true)
    throw new ReplayError(`${path} is empty: its first line must name the columns`);
  const columns = header.value.record;
  checkColumns(columns, path);
  return { columns, sizeBytes, lines: numbered(records, sizeBytes), close };
}

async function* numbered(
  records: AsyncIterable<CsvRecord>,
  sizeBytes: number,
): AsyncGenerator<CsvLine> {
  let line = 0;
  for await (const { record, info } of records) {
    line += 1;
    yield { line, values: record, endByte: Math.min(info.bytes, sizeBytes) };
  }
}

/** What csv-parse gives with `info` and without `columns`. */
const recordSchema = z.object({
  record: z.array(z.string()),
  info: z.object({ bytes: z.number() }),
});
type CsvRecord = z.infer<typeof recordSchema>;

async function* readRecords(
  parser: AsyncIterable<unknown>,
  path: string,
): AsyncGenerator<CsvRecord> {
  try {
    for await (const item of parser) yield recordSchema.parse(item);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new ReplayError(`${path}: ${error.message}`, { cause: error });
  }
}

function checkColumns(columns: readonly string[], path: string): void {
  const seen = new Set<string>();
  for (const [index, column] of columns.entries()) {
    if (column === "") throw new ReplayError(`${path}: column ${index + 1} has no name`);
    if (seen.has(column)) throw new ReplayError(`${path}: there are two columns ${column}`);
    seen.add(column);
  }
}

/** Passes bytes on unchanged. Without it a wrong encoding would turn letters into U+FFFD without a word. */
function utf8Check(path: string): Transform {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const check = (chunk: Uint8Array, stream: boolean): ReplayError | null => {
    try {
      decoder.decode(chunk, { stream });
      return null;
    } catch (cause) {
      return new ReplayError(`${path} is not UTF-8. If it is Latin-1, give --encoding latin1.`, {
        cause,
      });
    }
  };
  return new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => done(check(chunk, true), chunk),
    flush: (done) => done(check(new Uint8Array(), false)),
  });
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ReplayError(`${path} cannot be read (${code})`, { cause });
  }
}
