import { trustJsonText } from "@switchyard/protocol";
import type { JsonText } from "@switchyard/protocol";
import type { CsvLine } from "./csv-file.ts";
import { ReplayError } from "./replay-error.ts";

export interface LineDataOptions {
  readonly columns: readonly string[];
  /** Columns whose values become JSON numbers where nothing is lost by it; those that the file lacks do not matter. */
  readonly numberColumns: ReadonlySet<string>;
  /** The member that holds the number of the line. */
  readonly lineMember: string;
}

/** A decimal number as JSON writes it, without an exponent. */
const plainNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
/** So many significant digits survive the way through a double, in every JSON parser. */
const safeDigits = 15;

/**
 * Makes the data of a line's publication: a JSON object with the number of the line first, then one member per
 * column in the file's order. Values are strings exactly as in the file; an empty one is null; those of
 * `numberColumns` are numbers with the very digits of the file (2.10 stays 2.10), or strings when they are no plain
 * decimal number or have more than 15 significant digits. Throws `ReplayError` when `lineMember` is a column.
 */
export function lineDataOf({
  columns,
  numberColumns,
  lineMember,
}: LineDataOptions): (line: CsvLine) => JsonText {
  if (columns.includes(lineMember)) {
    throw new ReplayError(
      `The file has a column ${lineMember}: give another name for the number of the line with --line-member`,
    );
  }
  const before = `{${JSON.stringify(lineMember)}:`;
  const members = columns.map((column) => ({
    name: JSON.stringify(column),
    isNumber: numberColumns.has(column),
  }));
  return ({ line, values }) => {
    const rest = members.map(
      ({ name, isNumber }, index) => `,${name}:${valueJson(values[index] ?? "", isNumber)}`,
    );
    return trustJsonText(`${before}${line}${rest.join("")}}`);
  };
}

function valueJson(value: string, isNumber: boolean): string {
  if (value === "") return "null";
  return isNumber && survivesAsNumber(value) ? value : JSON.stringify(value);
}

function survivesAsNumber(value: string): boolean {
  if (!plainNumber.test(value)) return false;
  // -0 is a number to JSON, and 0 to many readers.
  if (value.startsWith("-") && Number(value) === 0) return false;
  return value.replace(/^-?[0.]*|\./g, "").length <= safeDigits;
}
