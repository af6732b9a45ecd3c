declare const jsonText: unique symbol;

/**
 * A JSON value as the text that came in: valid JSON without raw newlines, never parsed and
 * re-serialised on its way, so that 9007199254740993 stays 9007199254740993.
 * Made only by `parseJsonText` and by the frame decoder.
 */
export type JsonText = string & { readonly [jsonText]: true };

/** What a publication carries: JSON as text, or bytes that are not JSON (only for binary clients). */
export type Payload = JsonText | Uint8Array;

const newline = /[\n\r]/g;

/**
 * Checks that `text` is one JSON value and removes raw newlines, which in valid JSON can only be
 * insignificant white space and would break newline-delimited framing (protocol 1.2).
 * Returns undefined when it is not JSON. Costs one JSON.parse.
 */
export function parseJsonText(text: string): JsonText | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return trustJsonText(text);
}

/** As `parseJsonText` for text that is known to be valid JSON, such as a slice of a parsed document. */
export function trustJsonText(text: string): JsonText {
  const clean = text.includes("\n") || text.includes("\r") ? text.replace(newline, " ") : text;
  // The brand states what the caller has just established; nothing else makes a JsonText.
  return clean as JsonText;
}

/** Below this much, what a slice keeps alive is not worth a copy. */
const smallParent = 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The value at [start, end) of a parsed document. A slice of a JavaScript string keeps the whole string alive, and a
 * publication stays in history for long: a small value of a large document is therefore copied out.
 */
export function cutJsonText(document: string, start: number, end: number): JsonText {
  const value = document.slice(start, end);
  if (document.length <= smallParent || value.length * 2 >= document.length)
    return trustJsonText(value);
  return trustJsonText(decoder.decode(encoder.encode(value)));
}

/** Serialises a value of our own making. Not for values that came from outside: numbers lose digits. */
export function toJsonText(value: unknown): JsonText {
  return JSON.stringify(value) as JsonText; // JSON.stringify without indentation emits no raw newline
}
