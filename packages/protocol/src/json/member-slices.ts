const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Where a value stands in its document: [start, end). */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** A slice with those of the parts of its value: an object's members or an array's elements, as deep as was asked for. */
export interface SliceTree extends Slice {
  readonly members?: ReadonlyMap<string, SliceTree> | undefined;
  readonly elements?: readonly SliceTree[] | undefined;
}

/**
 * The members of the object that begins at or after `from` in `text`, each with the place of its raw value, so that
 * a payload is handed on byte for byte. Of duplicates the last wins, as in JSON.parse.
 * `text` must have passed JSON.parse, and the value at `from` must be an object: nothing is checked again here.
 * Costs one pass over the object. `depth`: levels below the members whose parts are noted in the same pass.
 */
export function sliceMembers(text: string, from = 0, depth = 0): Map<string, SliceTree> {
  return new Slicer(text, text.indexOf("{", from)).members(depth);
}

/** As `sliceMembers` for the elements of the array that begins at or after `from`. */
export function sliceElements(text: string, from = 0): SliceTree[] {
  return new Slicer(text, text.indexOf("[", from)).elements(0);
}

/** Goes through a document once. Recursion ends at the depth asked for. */
class Slicer {
  readonly #text: string;
  #at: number;

  /** `at`: where the first value begins. */
  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  members(depth: number): Map<string, SliceTree> {
    const text = this.#text;
    const members = new Map<string, SliceTree>();
    this.#skipTo(this.#at + 1);
    while (text.charCodeAt(this.#at) === quote) {
      const nameEnd = skipString(text, this.#at);
      const name = unquote(text.slice(this.#at, nameEnd));
      // Past the colon.
      this.#skipTo(skipSpace(text, nameEnd) + 1);
      members.set(name, this.#value(depth));
      this.#skipComma();
    }
    this.#at += 1;
    return members;
  }

  elements(depth: number): SliceTree[] {
    const text = this.#text;
    const elements: SliceTree[] = [];
    this.#skipTo(this.#at + 1);
    while (this.#at < text.length && text.charCodeAt(this.#at) !== closeBracket) {
      elements.push(this.#value(depth));
      this.#skipComma();
    }
    this.#at += 1;
    return elements;
  }

  #value(depth: number): SliceTree {
    const start = this.#at;
    const first = depth > 0 ? this.#text.charCodeAt(start) : 0;
    const members = first === openBrace ? this.members(depth - 1) : undefined;
    const elements = first === openBracket ? this.elements(depth - 1) : undefined;
    if (this.#at === start) this.#at = skipValue(this.#text, start);
    return { start, end: this.#at, members, elements };
  }

  #skipComma(): void {
    this.#skipTo(this.#at);
    if (this.#text.charCodeAt(this.#at) === comma) this.#skipTo(this.#at + 1);
  }

  #skipTo(at: number): void {
    this.#at = skipSpace(this.#text, at);
  }
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
  if (first === openBrace || first === openBracket) return skipNested(text, start);
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
    if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    at += 1;
  } while (depth > 0);
  return at;
}
