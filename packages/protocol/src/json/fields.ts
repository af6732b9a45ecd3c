import { ProtocolError } from "../protocol-error.ts";
import { cutJsonText, type JsonText } from "../payload.ts";
import type { Slice } from "./member-slices.ts";
import { sliceMembers } from "./member-slices.ts";

/** A parsed JSON object whose members have not been looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads the members of one JSON object by name and type. A missing or null member is the type's zero value, as the
 * protocol has it (1.7); a member of another type is a `ProtocolError` that names it.
 * Raw members are cut from the document's text, so that they keep their spelling.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #text: string;
  readonly #start: number;
  readonly #path: string;
  #slices: Map<string, Slice> | undefined;

  /** `object` is what JSON.parse made of the object that begins at `start` in `text`. */
  constructor(object: JsonObject, text: string, start: number, path = "") {
    this.#object = object;
    this.#text = text;
    this.#start = start;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  string(name: string): string {
    const value = this.#value(name);
    if (value === undefined) return "";
    if (typeof value !== "string") throw this.#wrong(name, "a string");
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined) return false;
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value;
  }

  /** An integer in [min, max]; 0 when missing. */
  integer(name: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#value(name);
    if (value === undefined) return 0;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.#wrong(name, `an integer from ${min} to ${max}`);
    }
    return value;
  }

  /** The member's raw text; undefined when missing or null. */
  raw(name: string): JsonText | undefined {
    return this.#value(name) === undefined ? undefined : this.rawOrNull(name);
  }

  /** As `raw`, but a literal null is the value `null`. */
  rawOrNull(name: string): JsonText | undefined {
    const slice = this.#slice(name);
    return slice && cutJsonText(this.#text, slice.start, slice.end);
  }

  object(name: string): Fields | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) throw this.#wrong(name, "an object");
    return new Fields(value, this.#text, this.#slice(name)?.start ?? 0, this.#at(name));
  }

  /** The entries of an object of objects; empty when missing. */
  objects(name: string): [string, Fields][] {
    const parent = this.object(name);
    if (!parent) return [];
    return Object.keys(parent.#object).flatMap((key) => {
      const child = parent.object(key);
      return child ? [[key, child] satisfies [string, Fields]] : [];
    });
  }

  #value(name: string): unknown {
    // Own members only: "constructor" must not find Object's.
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? undefined) : undefined;
  }

  #slice(name: string): Slice | undefined {
    this.#slices ??= sliceMembers(this.#text, this.#start);
    return this.#slices.get(name);
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  #wrong(name: string, expected: string): ProtocolError {
    return new ProtocolError(`${this.#at(name)} must be ${expected}`);
  }
}
