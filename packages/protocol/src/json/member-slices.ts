const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const closeBrace = 0x7d;
const closeBracket = 0x5d;

/** Where a value stands in its document: [start, end). */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/**
 * The members of the object that begins at or after `from` in `text`, each with the place of its raw value, so that
 * a payload is handed on byte for byte. Of duplicates the last wins, as in JSON.parse.
 * `text` must have passed JSON.parse, and the value at `from` must be an object: nothing is checked again here.
 * Costs one pass over the object.
 */
export function sliceMembers(text: string, from = 0): Map<string, Slice> {
  const members = new Map<string, Slice>();
  let at = skipSpace(text, text.indexOf("{", from) + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = skipString(text, at);
    const name = unquote(text.slice(at, keyEnd));
    const start = skipSpace(text, text.indexOf(":", keyEnd) + 1);
    const end = skipValue(text, start);
    members.set(name, { start, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return members;
}

/** As `sliceMembers` for the elements of the array that begins at or after `from`. */
export function sliceElements(text: string, from = 0): Slice[] {
  const elements: Slice[] = [];
  let at = skipSpace(text, text.indexOf("[", from) + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const end = skipValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return elements;
}

function unquote(raw: string): string {
  // JSON.parse of a quoted literal is always a string.
  return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (text.charCodeAt(next) <= 0x20) next += 1;
  return next;
}

/** `at` is the opening quote; returns the index after the closing one. */
function skipString(text: string, at: number): number {
  let close = text.indexOf('"', at + 1);
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === backslash) slashes += 1;
  return slashes % 2 === 1;
}

function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === quote) return skipString(text, start);
  if (first === 0x7b || first === 0x5b) return skipNested(text, start);
  let at = start;
  while (at < text.length && !endsPrimitive(text.charCodeAt(at))) at += 1;
  return at;
}

function endsPrimitive(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || code <= 0x20;
}

function skipNested(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    at += 1;
  } while (depth > 0);
  return at;
}
