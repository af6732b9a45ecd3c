import {
  cutJsonText,
  type JsonText,
  type Slice,
  sliceElements,
  sliceMembers,
} from "@switchyard/protocol";
import { MalformedBody } from "./malformed-body.ts";

const unsignedInteger = /^\d+$/;
const signedInteger = /^-?\d+$/;
const emptyArray = /^\[\s*\]$/;

/** Bounds of a 32-bit member; 64-bit ones are bounded by what a number holds exactly. */
export const int32 = { min: -2_147_483_648, max: 2_147_483_647 } as const;
export const uint32 = { min: 0, max: 4_294_967_295 } as const;
export const int64 = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER } as const;
export const uint64 = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Reads the members of one request object from the text they came in. Names match in any case and the last of
 * several wins; unknown members are nobody's business. A missing or null member is its type's zero value; a member
 * of another type throws `MalformedBody`. Everything is read from the raw slice, not from a parsed value, because
 * there `5.0` and `5` are the same and long numbers have lost digits.
 */
export class RequestFields {
  readonly #text: string;
  readonly #start: number;
  readonly #path: string;
  readonly #slices: ReadonlyMap<string, Slice>;

  /** `text` has passed JSON.parse and holds an object at `start`. */
  private constructor(text: string, start: number, path: string) {
    this.#text = text;
    this.#start = start;
    this.#path = path;
    this.#slices = lastOfEachName(sliceMembers(text, start));
  }

  /** The whole of a request body: one object, or null, which stands for `{}`. */
  static fromBody(text: string): RequestFields {
    assertJson(text);
    const body = text.trim();
    if (body === "null") return new RequestFields("{}", 0, "");
    if (!body.startsWith("{")) throw new MalformedBody("the body must be a JSON object");
    return new RequestFields(text, 0, "");
  }

  /** The value at `slice` of a text that has passed JSON.parse; undefined for null. An empty array stands for `{}`: PHP knows no empty map. */
  static fromValue(text: string, slice: Slice, path: string): RequestFields | undefined {
    const raw = text.slice(slice.start, slice.end);
    if (raw === "null") return undefined;
    if (emptyArray.test(raw)) return new RequestFields("{}", 0, path);
    if (!raw.startsWith("{")) throw wrong(path, "an object");
    return new RequestFields(text, slice.start, path);
  }

  /** Present and not null. */
  has(name: string): boolean {
    return this.#given(name) !== undefined;
  }

  string(name: string): string {
    const raw = this.#given(name);
    return raw === undefined ? "" : readString(raw, this.#at(name));
  }

  boolean(name: string): boolean {
    return this.optionalBoolean(name) ?? false;
  }

  optionalBoolean(name: string): boolean | undefined {
    const raw = this.#given(name);
    if (raw === undefined) return undefined;
    if (raw !== "true" && raw !== "false") throw wrong(this.#at(name), "true or false");
    return raw === "true";
  }

  /** A plain integer: no fraction, no exponent, not in quotes. 0 when not given. */
  integer(name: string, range: IntegerRange): number {
    const raw = this.#given(name);
    if (raw === undefined) return 0;
    const spelling = range.min < 0 ? signedInteger : unsignedInteger;
    const value = spelling.test(raw) ? Number(raw) : Number.NaN;
    if (!(value >= range.min && value <= range.max))
      throw wrong(this.#at(name), `an integer from ${range.min} to ${range.max}`);
    return value + 0; // -0 is 0
  }

  /** The value's raw text. A literal null is the value `null`. */
  raw(name: string): JsonText | undefined {
    const slice = this.#slices.get(name);
    return slice && cutJsonText(this.#text, slice.start, slice.end);
  }

  /** As `raw`, but null is "not given". */
  rawUnlessNull(name: string): JsonText | undefined {
    return this.has(name) ? this.raw(name) : undefined;
  }

  /** Empty when not given; null elements are "". */
  strings(name: string): string[] {
    return this.elements(name).map((slice, index) => {
      const raw = this.textOf(slice);
      return raw === "null" ? "" : readString(raw, `${this.#at(name)}[${index}]`);
    });
  }

  /** undefined when not given or empty; null values are "". */
  stringMap(name: string): Readonly<Record<string, string>> | undefined {
    const map = this.object(name);
    if (!map) return undefined;
    // The map's own names are data: their case counts.
    const entries = [...sliceMembers(map.#text, map.#start)].map(
      ([key, slice]): [string, string] => {
        const raw = map.textOf(slice);
        return [key.toWellFormed(), raw === "null" ? "" : readString(raw, `${map.#path}.${key}`)];
      },
    );
    // Object.fromEntries defines own members, so that "__proto__" is a tag like any other.
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }

  object(name: string): RequestFields | undefined {
    const slice = this.#slices.get(name);
    return slice && RequestFields.fromValue(this.#text, slice, this.#at(name));
  }

  /** The places of an array's elements; none when not given. */
  elements(name: string): readonly Slice[] {
    const slice = this.#slices.get(name);
    if (slice === undefined || !this.has(name)) return [];
    if (this.#text[slice.start] !== "[") throw wrong(this.#at(name), "an array");
    return sliceElements(this.#text, slice.start);
  }

  /** One of `elements` as an object; undefined for null. */
  elementObject(slice: Slice, path: string): RequestFields | undefined {
    return RequestFields.fromValue(this.#text, slice, path);
  }

  textOf(slice: Slice): string {
    return this.#text.slice(slice.start, slice.end);
  }

  #given(name: string): string | undefined {
    const slice = this.#slices.get(name);
    if (slice === undefined) return undefined;
    const raw = this.textOf(slice);
    return raw === "null" ? undefined : raw;
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/** Throws `MalformedBody` when `text` is not one JSON value. */
function assertJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new MalformedBody("the body must be one JSON object", { cause: error });
  }
}

/** A map by lower-case name. Of names that differ only in case the last one in the text wins. */
function lastOfEachName(members: ReadonlyMap<string, Slice>): Map<string, Slice> {
  const byName = new Map<string, Slice>();
  for (const [name, slice] of members) {
    const key = name.toLowerCase();
    const other = byName.get(key);
    if (other === undefined || other.start < slice.start) byName.set(key, slice);
  }
  return byName;
}

function readString(raw: string, path: string): string {
  if (!raw.startsWith('"')) throw wrong(path, "a string");
  // JSON.parse of a quoted literal is always a string. A lone surrogate is no text: U+FFFD, as for invalid UTF-8.
  return (JSON.parse(raw) as string).toWellFormed();
}

function wrong(path: string, expected: string): MalformedBody {
  return new MalformedBody(`${path} must be ${expected}`);
}
