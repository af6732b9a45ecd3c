const durationUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of `250ms`, `25s`, `1h30m`, `1.5s`, `30d`, or 0 for `0`; undefined for anything else. A number
 * without a unit is refused: it would be read as seconds by some and as milliseconds by others.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (durationUnitsMs[unit ?? ""] ?? 0);
  }
  return Math.round(total);
}

/** The shortest exact notation in one unit that `parseDuration` reads. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["h", "m", "s"]) {
    const factor = durationUnitsMs[unit] ?? 1;
    if (ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

const sizeUnitsBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** Bytes of `64KiB`, `1MiB`, `500KB`, `4096B` or `4096`; undefined for anything else and for broken bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (sizeUnitsBytes[match[2] ?? "B"] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact notation that `parseSize` reads. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0";
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const factor = sizeUnitsBytes[unit] ?? 1;
    if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}`;
}
