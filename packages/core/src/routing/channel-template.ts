import { percentEncode } from "./percent-encode.ts";
import type { RoutedEvent } from "./route.ts";

/** A channel's name with places to be filled in from an event. */
export interface ChannelTemplate {
  /** The name depends on nothing but the event's key. */
  readonly byKeyAlone: boolean;
  /** undefined: a value is missing, empty or too long. The event then cannot be routed to this channel. */
  nameFor(event: RoutedEvent): string | undefined;
}

export type ParsedChannelTemplate =
  | { readonly kind: "template"; readonly template: ChannelTemplate }
  /** `position`: the character where it is wrong, from 1. */
  | { readonly kind: "mistake"; readonly message: string; readonly position: number };

export interface ChannelTemplateOptions {
  /** A value that matches as a whole stands in the name as it is, all others are percent-encoded. Default: `[A-Za-z0-9_.-]{1,64}`. */
  readonly value?: RegExp | undefined;
}

/** Characters of a value once it is percent-encoded. */
const maxEncodedLength = 64;
const plainValue = /^[A-Za-z0-9_.-]{1,64}$/;
/** Text and placeholders; a brace that is neither doubled nor one of a pair stands alone. */
const tokens = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
const keyWord = /^key\.([1-9]\d{0,3})$/;
const headerPrefix = "headers.";

/** Text as it stands, or where a value comes from. */
type Part = string | ((event: RoutedEvent) => string | undefined);

/**
 * Reads `orders:{headers.warehouse}`. `{key}` stands for the event's routing key, `{key.1}` for the first word of it
 * (words are between dots), `{headers.NAME}` for a header; `{{` and `}}` stand for a brace, all else for itself.
 *
 * A value that matches `options.value` goes in as it is. Any other is percent-encoded and must not be longer than 64
 * characters then. So no value can bring a `:`, `#` or `$` into a name, unless `options.value` allows it.
 */
export function parseChannelTemplate(
  text: string,
  options: ChannelTemplateOptions = {},
): ParsedChannelTemplate {
  if (text === "") return mistake("the channel's name is empty", 1);
  const parts: Part[] = [];
  let byKeyAlone = true;
  for (const match of text.matchAll(tokens)) {
    const [token, placeholder] = match;
    const position = match.index + 1;
    if (token === "{" || token === "}") {
      return mistake(
        `a ${token} stands alone at character ${position}; for the character itself write ${token}${token}`,
        position,
      );
    }
    if (placeholder === undefined) {
      parts.push(token === "{{" ? "{" : token === "}}" ? "}" : token);
      continue;
    }
    const source = sourceOf(placeholder);
    if (!source) {
      return mistake(
        `unknown placeholder {${placeholder}} at character ${position}; there are {key}, {key.1} for its first word and so on, and {headers.NAME}`,
        position,
      );
    }
    if (placeholder.startsWith(headerPrefix)) byKeyAlone = false;
    parts.push(source);
  }
  const pattern = options.value ? anchored(options.value) : plainValue;
  return {
    kind: "template",
    template: { byKeyAlone, nameFor: (event) => fillIn(parts, event, pattern) },
  };
}

function mistake(message: string, position: number): ParsedChannelTemplate {
  return { kind: "mistake", message, position };
}

function fillIn(parts: readonly Part[], event: RoutedEvent, pattern: RegExp): string | undefined {
  let name = "";
  for (const part of parts) {
    if (typeof part === "string") {
      name += part;
      continue;
    }
    const value = part(event);
    const safe = value === undefined ? undefined : safeValue(value, pattern);
    if (safe === undefined) return undefined;
    name += safe;
  }
  return name;
}

/** undefined: empty, or too long. */
function safeValue(value: string, pattern: RegExp): string | undefined {
  if (value === "") return undefined;
  if (pattern.test(value)) return value;
  // Encoding never makes a value shorter: a very long one is not encoded only to be refused.
  if (value.length > maxEncodedLength) return undefined;
  const encoded = percentEncode(value);
  return encoded.length > maxEncodedLength ? undefined : encoded;
}

/** Matches the whole value, and has no state from one test to the next. */
function anchored(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, ""));
}

/** undefined: there is no such placeholder. */
function sourceOf(placeholder: string): Exclude<Part, string> | undefined {
  if (placeholder === "key") return ({ key }) => key;
  const index = keyWord.exec(placeholder)?.[1];
  if (index !== undefined) {
    const skipped = Number(index) - 1;
    return ({ key }) => wordAfter(key, skipped);
  }
  const header = placeholder.slice(headerPrefix.length);
  if (!placeholder.startsWith(headerPrefix) || header === "") return undefined;
  return ({ headers }) => (Object.hasOwn(headers, header) ? String(headers[header]) : undefined);
}

/** The word of `key` that stands after `skipped` others. */
function wordAfter(key: string, skipped: number): string | undefined {
  let start = 0;
  for (let word = 0; word < skipped; word += 1) {
    const dot = key.indexOf(".", start);
    if (dot === -1) return undefined;
    start = dot + 1;
  }
  const end = key.indexOf(".", start);
  return end === -1 ? key.slice(start) : key.slice(start, end);
}
