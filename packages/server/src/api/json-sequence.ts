import { MalformedBody } from "./malformed-body.ts";

const quote = 0x22;
const backslash = 0x5c;

/**
 * Cuts a text of JSON objects that follow each other with any or no white space between, without parsing them: what
 * is given is valid JSON only if what came in was. A null counts as an object. Throws `MalformedBody`, when it comes
 * to it, for anything else and for an object that does not end.
 */
export function* splitJsonObjects(text: string): Generator<string> {
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const end = text.startsWith("null", at) ? at + 4 : objectEnd(text, at);
    yield text.slice(at, end);
    at = skipSpace(text, end);
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function objectEnd(text: string, start: number): number {
  if (text[start] !== "{") throw new MalformedBody("commands must be JSON objects");
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = stringEnd(text, at);
    else if (code === 0x7b) depth += 1;
    else if (code === 0x7d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  throw new MalformedBody("the last command is cut off");
}

/** The index of the quote that closes the string which begins at `start`; the end of the text when none does. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote)
    at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}
