import type { Log } from "@switchyard/core";
import pino from "pino";
import type { Config } from "../config/declaration.ts";
import { prettyLine } from "./pretty-line.ts";

/** Structured log on standard error: one JSON object a line, or lines for people. */
export function createLog({ level, format }: Config["log"]): Log {
  const write = (line: string): void => {
    process.stderr.write(format === "pretty" ? prettyLine(line, process.stderr.isTTY) : line);
  };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError, cause: describeError },
  };
  return pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, { write });
}

/** Type, message, stack and causes; nothing else of an error is logged: drivers hang queries and parameters on theirs. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? { code: error.code } : {};
  return {
    type: name,
    message,
    ...code,
    stack,
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
  };
}
