const colours: Readonly<Record<string, string>> = {
  debug: "\u001b[90m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
  fatal: "\u001b[31m",
};
const plain = "\u001b[0m";

/** One JSON log line as a person reads it: time of day, level, message, fields. */
export function prettyLine(line: string, coloured: boolean): string {
  // Made by our own logger a moment ago.
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const name = String(level);
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const [colour, end] = coloured ? [colours[name] ?? "", plain] : ["", ""];
  const head = `${clock} ${colour}${name.padEnd(5)}${end} ${typeof msg === "string" ? msg : ""}`;
  const tail = rest.length > 0 ? `  ${rest.join(" ")}` : "";
  return `${head}${tail}\n${describeError(err)}`;
}

function describeError(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const stack = "stack" in error ? error.stack : "message" in error ? error.message : "";
  return `      ${String(stack).replaceAll("\n", "\n      ")}\n`;
}
