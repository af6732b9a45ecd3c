import { copyFileSync, openSync, statSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";

/** Bytes after which the log file is put aside as `<path>.1`, so that it takes at most twice this. */
const LOG_FILE_LIMIT = 8 * 1024 * 1024;

/** Opens for appending, which is what lets `boundLogFile` empty the file under a running writer. */
export function openLogFile(path: string): number {
  return openSync(path, "a", 0o600);
}

export function logFileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Copies a full log to `<path>.1` and empties it in place: the writer, which may have been started by an earlier
 * process, cannot be told to open another file. A line written in between is lost.
 */
export function boundLogFile(path: string, limit = LOG_FILE_LIMIT): void {
  if (logFileSize(path) <= limit) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
}

/** What was written after `position`, at most the last 4 KiB of it. */
export async function readLogFrom(path: string, position: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(position <= size ? position : 0, size - 4096);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.toString("utf8", 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
