import { isIP } from "node:net";
import { z } from "zod";
import { parseAddressRange } from "../auth/address-list.ts";
import { showGiven } from "./mistake.ts";
import { parseHostPattern } from "./host-check.ts";
import { parseOriginPattern } from "./origin-check.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./quantities.ts";
import type { Fault, OptionType, Parsed } from "./option.ts";

/** Reads a value with a zod schema; every issue becomes a fault that says what would be right. */
function fromSchema<Value>(
  schema: z.ZodType<Value>,
  expected: string,
): (raw: unknown) => Parsed<Value> {
  return (raw) => {
    const result = schema.safeParse(raw);
    if (result.success) return { ok: true, value: result.data };
    return {
      ok: false,
      faults: [{ at: "", code: "invalid-value", given: showGiven(raw), expected }],
    };
  };
}

export function boolean(): OptionType<boolean> {
  const schema = z.union([
    z.boolean(),
    z.enum(["true", "false"]).transform((text) => text === "true"),
  ]);
  return {
    name: "boolean",
    isSwitch: true,
    parse: fromSchema(schema, "true or false"),
    show: String,
  };
}

const numberText = z
  .string()
  .regex(/^-?\d{1,15}$/)
  .transform(Number);

/** Bounds are inclusive. */
export function integer(min: number, max: number): OptionType<number> {
  const schema = z.union([z.number(), numberText]).pipe(z.int().min(min).max(max));
  return {
    name: "integer",
    parse: fromSchema(schema, `an integer from ${min} to ${max}`),
    show: String,
  };
}

/** Milliseconds; bounds are inclusive. */
export function duration(minMs: number, maxMs: number): OptionType<number> {
  const schema = z
    .union([z.string(), z.literal(0).transform(String)])
    .transform(parseDuration)
    .pipe(z.number().min(minMs).max(maxMs));
  const expected = `a duration with its unit (ms, s, m, h, d) from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return { name: "duration", parse: fromSchema(schema, expected), show: formatDuration };
}

/** Bytes; bounds are inclusive. */
export function size(minBytes: number, maxBytes: number): OptionType<number> {
  const schema = z
    .union([z.string(), z.number().transform(String)])
    .transform(parseSize)
    .pipe(z.number().min(minBytes).max(maxBytes));
  const expected = `a size in bytes or with its unit (KiB, MiB, GiB) from ${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  return { name: "size", parse: fromSchema(schema, expected), show: formatSize };
}

/** Non-empty text that matches `pattern`. `expected` completes "expected …". */
export function text(expected = "a text (numbers in quotes)", pattern = /[^]/): OptionType<string> {
  return { name: "text", parse: fromSchema(z.string().regex(pattern), expected), show: showText };
}

export function choice<const Value extends string>(values: readonly Value[]): OptionType<Value> {
  return {
    name: values.map((value) => `\`${value}\``).join(", "),
    parse: fromSchema(z.enum(values), `one of ${values.join(", ")}`),
    show: showText,
  };
}

/** `type`, or nothing. */
export function optional<Value>(type: OptionType<Value>): OptionType<Value | undefined> {
  return { ...type, show: (value) => (value === undefined ? "null" : type.show(value)) };
}

/** A YAML list, or one text with commas or white space between the items. */
function listOf(
  name: string,
  expected: string,
  isItem: (item: string) => boolean,
): OptionType<readonly string[]> {
  const parse = (raw: unknown): Parsed<readonly string[]> => {
    const items: readonly unknown[] | undefined =
      typeof raw === "string"
        ? raw.split(/[\s,]+/).filter((item) => item !== "")
        : Array.isArray(raw)
          ? raw
          : undefined;
    if (items === undefined) {
      return {
        ok: false,
        faults: [
          {
            at: "",
            code: "invalid-value",
            given: showGiven(raw),
            expected: `a list, each ${expected}`,
          },
        ],
      };
    }
    const value: string[] = [];
    const faults: Fault[] = [];
    for (const [index, item] of items.entries()) {
      if (typeof item === "string" && item !== "" && isItem(item)) value.push(item);
      else
        faults.push({ at: `[${index}]`, code: "invalid-value", given: showGiven(item), expected });
    }
    return faults.length === 0 ? { ok: true, value } : { ok: false, faults };
  };
  return {
    name,
    isList: true,
    parse,
    show: (items) => `[${items.map((item) => JSON.stringify(item)).join(", ")}]`,
  };
}

export function textList(): OptionType<readonly string[]> {
  return listOf("list of texts", "a text (numbers in quotes)", () => true);
}

export function originList(): OptionType<readonly string[]> {
  const expected =
    'an origin such as https://app.example.com, https://*.example.com, http://localhost:*, "null" or "*"';
  return listOf("list of origins", expected, (item) => parseOriginPattern(item) !== undefined);
}

export function hostList(): OptionType<readonly string[]> {
  const expected = 'a host name such as example.com, *.example.com, [::1], example.com:8443 or "*"';
  return listOf("list of hosts", expected, (item) => parseHostPattern(item) !== undefined);
}

export function addressRangeList(): OptionType<readonly string[]> {
  const expected = "an IP address or a range such as 10.0.0.0/8 or fd00::/8";
  return listOf(
    "list of address ranges",
    expected,
    (item) => parseAddressRange(item) !== undefined,
  );
}

export function httpUrlList(): OptionType<readonly string[]> {
  return listOf("list of URLs", "an http:// or https:// URL", (item) =>
    /^https?:$/.test(URL.parse(item)?.protocol ?? ""),
  );
}

/** Where to listen: an IP address or a host name. */
export function listenAddress(): OptionType<string> {
  const hostName = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
  const onlyDigits = /^[\d.]+$/;
  const schema = z
    .string()
    .refine((value) => isIP(value) !== 0 || (hostName.test(value) && !onlyDigits.test(value)));
  return {
    name: "address",
    parse: fromSchema(schema, "an IP address or a host name"),
    show: showText,
  };
}

export function postgresUrl(): OptionType<string> {
  const schema = z
    .string()
    .refine((value) => /^postgres(?:ql)?:$/.test(URL.parse(value)?.protocol ?? ""));
  return {
    name: "URL",
    parse: fromSchema(schema, "a URL postgres://user:password@host:port/database"),
    show: showText,
  };
}

/**
 * A public key in PEM that passes `isKey`. `\n` written as two characters is taken for a line break, as
 * variables often carry it.
 */
export function publicKeyPem(
  expected: string,
  isKey: (pem: string) => boolean,
): OptionType<string> {
  const schema = z
    .string()
    .transform((value) => `${value.replaceAll("\\n", "\n").trim()}\n`)
    .pipe(z.string().startsWith("-----BEGIN PUBLIC KEY-----\n").refine(isKey));
  return {
    name: "PEM",
    parse: fromSchema(schema, `${expected} in PEM (-----BEGIN PUBLIC KEY-----)`),
    show: showText,
  };
}

/** The source of a regular expression for a whole name. */
export function regularExpression(): OptionType<string> {
  const schema = z.string().min(1).refine(compiles);
  return {
    name: "regular expression",
    parse: fromSchema(schema, "a regular expression (JavaScript, flag u)"),
    show: showText,
  };
}

function compiles(source: string): boolean {
  try {
    return new RegExp(`^(?:${source})$`, "u").unicode;
  } catch {
    return false;
  }
}

/** Plain where YAML reads it back as the same text, else in double quotes (JSON is YAML). */
function showText(value: string): string {
  const isPlain =
    /^[A-Za-z_/.][A-Za-z0-9_/.@-]*$/.test(value) &&
    !/^(?:true|false|null|yes|no|on|off|y|n|\.inf|\.nan|[.\d_]+)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
