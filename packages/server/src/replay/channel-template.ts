import { percentEncode } from "@switchyard/core";
import { nearestName } from "../config/nearest-name.ts";
import { ReplayError } from "./replay-error.ts";

/** Builds a text, such as the name of a channel, from the values of a line. */
export type ChannelOf = (values: readonly string[]) => string;

export interface TemplateOptions {
  /** What named the template, for messages. Default: `--channel`. */
  readonly flag?: string;
  /** How a value stands in the text. Default: percent-encoded, as the names of channels want it. */
  readonly encode?: (value: string) => string;
}

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "column"; readonly index: number };

/**
 * Reads `inventory:{Country}`: `{Column}` stands for the line's value in that column, percent-encoded; `{{` and `}}`
 * stand for a brace. Throws `ReplayError` when a brace is left alone or a column does not exist.
 */
export function parseChannelTemplate(
  template: string,
  columns: readonly string[],
  { flag = "--channel", encode = percentEncode }: TemplateOptions = {},
): ChannelOf {
  if (template === "") throw new ReplayError(`${flag} is empty`);
  const parts: Part[] = [];
  for (const [token, column] of template.matchAll(/\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g)) {
    if (column !== undefined)
      parts.push({ kind: "column", index: columnIndex(column, columns, flag) });
    else if (token === "{" || token === "}") {
      throw new ReplayError(
        `${flag} ${template}: a ${token} stands alone. {Column} takes a value of the line; for the character itself write ${token}${token}.`,
      );
    } else parts.push({ kind: "text", text: token === "{{" ? "{" : token === "}}" ? "}" : token });
  }
  return (values) =>
    parts
      .map((part) => (part.kind === "text" ? part.text : encode(values[part.index] ?? "")))
      .join("");
}

/** Where `column` stands. Throws `ReplayError` that lists the columns; `flag` is what named it. */
export function columnIndex(column: string, columns: readonly string[], flag: string): number {
  const index = columns.indexOf(column);
  if (index !== -1) return index;
  const nearest = nearestName(column, columns);
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  throw new ReplayError(
    `${flag}: the file has no column ${column === "" ? "without a name" : column}.${hint} Its columns: ${columns.join(", ")}`,
  );
}
