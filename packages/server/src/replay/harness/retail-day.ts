import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A real day of invoices (UCI "Online Retail", 1 December 2010). It is not part of this repository. */
export const retailDayLines = 1_694;

const besideRepository = fileURLToPath(
  new URL("../../../../../../shared/data/online-retail-2010-12-01.csv", import.meta.url),
);

/** For processes of the product, which refuse variables that they do not know. An empty one counts as not given. */
export const withoutRetailDay = { SWITCHYARD_RETAIL_CSV: "" } as const;

/** `SWITCHYARD_RETAIL_CSV`, else where it lies beside the checkout, else undefined. */
export function findRetailDay(): string | undefined {
  const given = process.env["SWITCHYARD_RETAIL_CSV"];
  if (given !== undefined && given !== "") return given;
  return existsSync(besideRepository) ? besideRepository : undefined;
}

export interface ExpectedLine {
  readonly country: string;
  /** As a subscriber's JSON parser reads it. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a replay of the day must publish, in order: read with regular expressions, apart from the parser under test. */
export function expectedLines(path: string): readonly ExpectedLine[] {
  const [header = "", ...lines] = readFileSync(path, "utf8").replace(/\r\n$/, "").split("\r\n");
  const columns = header.split(",");
  return lines.map((text, index) => {
    const values = Array.from(
      text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g),
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
    );
    const members = columns.map(
      (column, at) => [column, memberOf(column, values[at] ?? "")] as const,
    );
    return {
      country: values[columns.indexOf("Country")] ?? "",
      data: Object.fromEntries([["line", index + 1], ...members]),
    };
  });
}

function memberOf(column: string, value: string): string | number | null {
  if (value === "") return null;
  return column === "Quantity" || column === "UnitPrice" ? Number(value) : value;
}
