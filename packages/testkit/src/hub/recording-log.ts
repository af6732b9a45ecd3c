import type { Log, LogFields } from "@switchyard/core";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps what was logged. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];

  debug(fields: LogFields, message: string): void {
    this.lines.push({ level: "debug", message, fields });
  }

  info(fields: LogFields, message: string): void {
    this.lines.push({ level: "info", message, fields });
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push({ level: "warn", message, fields });
  }

  error(fields: LogFields, message: string): void {
    this.lines.push({ level: "error", message, fields });
  }
}
