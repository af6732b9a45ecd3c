export type JsonInput =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly problem: string };

/** What stands in the publish box, or what is wrong with it in words that can be shown. */
export function parseJsonInput(text: string): JsonInput {
  if (text.trim() === "")
    return {
      ok: false,
      problem: 'Nothing to publish. Any JSON will do, such as {"text": "hello"}.',
    };
  try {
    const data: unknown = JSON.parse(text);
    return { ok: true, data };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      problem: `This is not JSON${whereIn(text, message)}: ${withoutEcho(message)}`,
    };
  }
}

/** Engines repeat the text, and that it is not JSON. */
function withoutEcho(message: string): string {
  return message
    .replace(/, (?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON$/s, "")
    .replace(/ \(line .*\)$/, "");
}

/** Line and column, where the engine tells a position and the text has more than one line. */
function whereIn(text: string, message: string): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position === undefined || !text.includes("\n")) return "";
  const before = text.slice(0, Number(position)).split("\n");
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}
