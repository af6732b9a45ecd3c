import { columnIndex, parseChannelTemplate } from "./channel-template.ts";
import { ReplayError } from "./replay-error.ts";

/** What an event says beside its body, from the values of a line. */
export interface EventTemplate {
  readonly keyOf: (values: readonly string[]) => string;
  readonly headersOf: (values: readonly string[]) => Readonly<Record<string, string | boolean>>;
}

/** One header: a text from the line, or whether a column's value matches. */
const headerText = /^([^=~]+)=([^~]*)$/;
const headerTest = /^([^=~]+)=([^~]+)~(.+)$/;

/**
 * Reads `--key '{Country}.{InvoiceNo}'` and `--headers 'country={Country};cancelled=InvoiceNo~^C'`: a header is a
 * text with columns in braces, or true and false for whether a column's value matches a regular expression. In a key a
 * dot within a value would make two words of it: it becomes %2E, as control characters become what they are in hex.
 * Throws `ReplayError` for what cannot be read, and for columns that do not exist.
 */
export function parseEventTemplate(
  key: string,
  headers: string | undefined,
  columns: readonly string[],
): EventTemplate {
  const keyOf = parseChannelTemplate(key, columns, { flag: "--key", encode: keyValue });
  const members = (headers ?? "")
    .split(";")
    .filter((text) => text !== "")
    .map((text) => parseHeader(text, columns));
  return {
    keyOf,
    headersOf: (values) => Object.fromEntries(members.map(([name, read]) => [name, read(values)])),
  };
}

function parseHeader(
  text: string,
  columns: readonly string[],
): readonly [string, (values: readonly string[]) => string | boolean] {
  const [, testName, column, pattern] = headerTest.exec(text) ?? [];
  if (testName !== undefined && column !== undefined && pattern !== undefined) {
    const index = columnIndex(column, columns, "--headers");
    const matching = regularExpression(pattern, text);
    return [testName, (values) => matching.test(values[index] ?? "")];
  }
  const [, name, template] = headerText.exec(text) ?? [];
  if (name === undefined || template === undefined) {
    throw new ReplayError(
      `--headers ${text}: write name={Column}, or name=Column~pattern for true and false; several with ; between them.`,
    );
  }
  const valueOf = parseChannelTemplate(template, columns, {
    flag: "--headers",
    encode: (value) => value,
  });
  return [name, valueOf];
}

function regularExpression(pattern: string, text: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    throw new ReplayError(`--headers ${text}: ${pattern} is no regular expression`);
  }
}

function keyValue(value: string): string {
  return value.replaceAll(/[.%\p{Cc}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  });
}
