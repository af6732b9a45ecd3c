import {
  cutJsonText,
  type JsonText,
  sliceElements,
  sliceMembers,
  type SliceTree,
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

type Members = ReadonlyMap<string, SliceTree>;

const noMembers: Members = new Map();

/**
 * Reads the members of one request object from the text they came in. Names match in any case and the last of
 * several wins; unknown members are nobody's business. A missing or null member is its type's zero value; a member
 * of another type throws `MalformedBody`. Everything is read from the raw slice, not from a parsed value, because
 * there `5.0` and `5` are the same and long numbers have lost digits.
 */
export class RequestFields {
  readonly #text: string;
  readonly #path: string;
  readonly #members: Members;
  /** By lower-case name. */
  readonly #byName: Members;

  /** `text` has passed JSON.parse and holds `members`. */
  private constructor(text: string, members: Members, path: string) {
    this.#text = text;
    this.#path = path;
    this.#members = members;
    this.#byName = lastOfEachName(members);
  }

  /**
   * The whole of a request body: one object, or null, which stands for `{}`. `depth`: levels below its members that
   * are going to be read too, so that one pass over the text finds them all.
   */
  static fromBody(text: string, depth = 0): RequestFields {
    assertJson(text);
    const body = text.trim();
    if (body === "null") return new RequestFields(text, noMembers, "");
    if (!body.startsWith("{")) throw new MalformedBody("the body must be a JSON object");
    return new RequestFields(text, sliceMembers(text, 0, depth), "");
  }

  /** Present and not null. */
  has(name: string): boolean {
    return this.#given(name) !== undefined;
  }

  string(name: string): string {
    const raw = this.#given(name);
    const value = raw === undefined ? "" : stringOf(raw);
    if (value === undefined) throw wrong(this.#at(name), "a string");
    return value;
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
    const slice = this.#byName.get(name);
    return slice && cutJsonText(this.#text, slice.start, slice.end);
  }

  /** As `raw`, but null is "not given". */
  rawUnlessNull(name: string): JsonText | undefined {
    return this.has(name) ? this.raw(name) : undefined;
  }

  /** Empty when not given; null elements are "". */
  strings(name: string): string[] {
    return this.#elements(name).map((slice, index) => {
      const value = this.#stringOrNull(slice);
      if (value === undefined) throw wrong(`${this.#at(name)}[${index}]`, "a string");
      return value;
    });
  }

  /** undefined when not given or empty; null values are "". */
  stringMap(name: string): Readonly<Record<string, string>> | undefined {
    const map = this.object(name);
    if (!map || map.#members.size === 0) return undefined;
    // The map's own names are data: their case counts.
    const entries = [...map.#members].map(([key, slice]): [string, string] => {
      const value = map.#stringOrNull(slice);
      if (value === undefined) throw wrong(map.#at(key), "a string");
      return [key.toWellFormed(), value];
    });
    // Object.fromEntries defines own members, so that "__proto__" is a tag like any other.
    return Object.fromEntries(entries);
  }

  /** undefined when not given. An empty array stands for `{}`: PHP knows no empty map. */
  object(name: string): RequestFields | undefined {
    const slice = this.#byName.get(name);
    return slice && this.#objectAt(slice, this.#at(name));
  }

  /** The elements of an array of objects, each as `object` gives it. None when not given. */
  objects(name: string): (RequestFields | undefined)[] {
    return this.#elements(name).map((slice, index) =>
      this.#objectAt(slice, `${this.#at(name)}[${index}]`),
    );
  }

  #objectAt(slice: SliceTree, path: string): RequestFields | undefined {
    if (this.#text[slice.start] === "{") {
      const members = slice.members ?? sliceMembers(this.#text, slice.start);
      return new RequestFields(this.#text, members, path);
    }
    const raw = this.#textOf(slice);
    if (raw === "null") return undefined;
    if (emptyArray.test(raw)) return new RequestFields(this.#text, noMembers, path);
    throw wrong(path, "an object");
  }

  #elements(name: string): readonly SliceTree[] {
    const slice = this.#byName.get(name);
    if (slice === undefined || !this.has(name)) return [];
    if (this.#text[slice.start] !== "[") throw wrong(this.#at(name), "an array");
    return slice.elements ?? sliceElements(this.#text, slice.start);
  }

  /** "" for null; undefined for anything that is no string. */
  #stringOrNull(slice: SliceTree): string | undefined {
    const raw = this.#textOf(slice);
    return raw === "null" ? "" : stringOf(raw);
  }

  #given(name: string): string | undefined {
    const slice = this.#byName.get(name);
    if (slice === undefined) return undefined;
    const raw = this.#textOf(slice);
    return raw === "null" ? undefined : raw;
  }

  #textOf(slice: SliceTree): string {
    return this.#text.slice(slice.start, slice.end);
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

/** `members` by lower-case name. Of names that differ only in case the last one in the text wins. */
function lastOfEachName(members: Members): Members {
  for (const name of members.keys()) if (name !== name.toLowerCase()) return folded(members);
  return members;
}

function folded(members: Members): Members {
  const byName = new Map<string, SliceTree>();
  for (const [name, slice] of members) {
    const key = name.toLowerCase();
    const other = byName.get(key);
    if (other === undefined || other.start < slice.start) byName.set(key, slice);
  }
  return byName;
}

/** undefined for a value of another type. */
function stringOf(raw: string): string | undefined {
  // JSON.parse of a quoted literal is always a string. A lone surrogate is no text: U+FFFD, as for invalid UTF-8.
  return raw.startsWith('"') ? (JSON.parse(raw) as string).toWellFormed() : undefined;
}

function wrong(path: string, expected: string): MalformedBody {
  return new MalformedBody(`${path} must be ${expected}`);
}
