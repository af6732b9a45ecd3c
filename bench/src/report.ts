import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

/** A plain table: the first column left-aligned, the last (notes, of any length) too, the rest right-aligned. */
export function formatTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const last = columns.length - 1;
  const cellOf = (row: readonly string[], index: number): string =>
    (row[index] ?? "").replaceAll(/\s+/g, " ");
  const widths = columns.map((column, index) =>
    index === last
      ? column.length
      : Math.max(column.length, ...rows.map((row) => cellOf(row, index).length)),
  );
  const line = (row: readonly string[]): string =>
    widths
      .map((width, index) => {
        const cell = cellOf(row, index);
        return index === 0 || index === last ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return ["", title, line(columns), rule, ...rows.map(line), ""].join("\n");
}

/** 1234567.8 → "1,234,568". */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function milliseconds(value: number): string {
  return value < 100 ? value.toFixed(1) : whole(value);
}

export function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 0)} %`;
}

/** A ratio to the reference; "–" without one. */
export function ratio(value: number | undefined, reference: number | undefined): string {
  if (value === undefined || reference === undefined || reference === 0 || value === 0) return "–";
  return `${(value / reference).toFixed(2)}×`;
}

export function progress(text: string): void {
  process.stderr.write(`  … ${text}\n`);
}

/** What the figures depend on. */
export function describeMachine(): Readonly<Record<string, string | number>> {
  const node =
    Bun.which("node") === null
      ? "none"
      : Bun.spawnSync(["node", "--version"]).stdout.toString().trim();
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: `${process.platform} ${release()}`,
    bun: Bun.version,
    node,
  };
}

/** Writes `results/NAME-TIME.json` and returns its path. */
export function saveResult(name: string, result: unknown): string {
  mkdirSync(RESULTS, { recursive: true });
  const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const path = join(RESULTS, `${name}-${time}.json`);
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
  return path;
}
