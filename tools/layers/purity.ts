import { lineOf, readSourceText } from "./source-text.ts";

interface ImpureUse {
  readonly line: number;
  readonly what: string;
  readonly instead: string;
}

const CLOCK = "the Clock port";
const RANDOM = "the Random port";
const ADAPTER = "a port, and an adapter outside of this package";

/** Globals that do input or output, or make a run unrepeatable. A property of the same name (`store.fetch(`) is none. */
const RULES: readonly {
  readonly pattern: RegExp;
  readonly what: string;
  readonly instead: string;
}[] = [
  { pattern: /\bBun\s*\??\./g, what: "Bun", instead: ADAPTER },
  { pattern: /\bDeno\s*\??\./g, what: "Deno", instead: ADAPTER },
  { pattern: /\bprocess\s*\??\./g, what: "process", instead: ADAPTER },
  { pattern: /\bglobalThis\b/g, what: "globalThis", instead: ADAPTER },
  { pattern: /\bfetch\s*\(/g, what: "fetch()", instead: ADAPTER },
  {
    pattern: /\bnew\s+(?:WebSocket|EventSource|XMLHttpRequest|Worker)\b/g,
    what: "a network or worker object",
    instead: ADAPTER,
  },
  { pattern: /\bconsole\s*\./g, what: "console", instead: "a return value, or a port that logs" },
  { pattern: /\b(?:setTimeout|setInterval|setImmediate)\b/g, what: "a timer", instead: CLOCK },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, what: "AbortSignal.timeout", instead: CLOCK },
  { pattern: /\bDate\s*\.\s*now\b/g, what: "Date.now", instead: CLOCK },
  { pattern: /\bnew\s+Date\b\s*(?:\(\s*\)|(?!\s*\())/g, what: "new Date()", instead: CLOCK },
  { pattern: /\bperformance\s*\./g, what: "performance", instead: CLOCK },
  { pattern: /\bMath\s*\.\s*random\b/g, what: "Math.random", instead: RANDOM },
  { pattern: /\bcrypto\s*\.\s*(?:randomUUID|getRandomValues)\b/g, what: "crypto", instead: RANDOM },
];

/** Uses in a source file that a package without input and output must not have. Comments and strings do not count. */
export function findImpureUses(source: string): readonly ImpureUse[] {
  const { code } = readSourceText(source);
  return RULES.flatMap(({ pattern, what, instead }) =>
    [...code.matchAll(pattern)]
      .filter((match) => !isProperty(code, match.index))
      .map((match) => ({ line: lineOf(source, match.index), what, instead })),
  ).toSorted((a, b) => a.line - b.line);
}

function isProperty(code: string, at: number): boolean {
  const before = code.slice(Math.max(0, at - 40), at).trimEnd();
  return /[#$]$/.test(before) || (before.endsWith(".") && !before.endsWith("..."));
}
