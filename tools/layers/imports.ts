import { lineOf, readSourceText } from "./source-text.ts";
import type { SourceText } from "./source-text.ts";

/** One import of a file. Type-only imports vanish when the file runs. */
export interface FoundImport {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** Counted from 1. */
  readonly line: number;
}

/** `import …"x"`, `export … from "x"`: the clause has no bracket but the braces, and no semicolon. */
const STATEMENT =
  /(?<![\w$.#])(import|export)\b(\s+type\b(?!\s*(?:from\s*["']|,|=)))?([\w$\s,*{}]*)(["'])/g;
const CALL = /(?<![\w$.#])(import|require)\s*\(\s*(["'`])/g;

const transpilers = {
  ts: new Bun.Transpiler({ loader: "ts" }),
  tsx: new Bun.Transpiler({ loader: "tsx" }),
};

/**
 * All imports of a TypeScript or JavaScript file, type-only ones too, in the order of their lines.
 * Bun's scanner drops what is only a type, so the statements are read here; Bun's findings are added as a second net,
 * and tell an `import("x")` that runs from one in a type. Throws on a syntax error.
 */
export function findImports(source: string, loader: "ts" | "tsx"): readonly FoundImport[] {
  const text = readSourceText(source);
  // The scanner stumbles over the first line of a script.
  const scanned = transpilers[loader].scanImports(source.replace(/^#!.*/, ""));
  const dynamic = new Set(
    scanned.filter(({ kind }) => kind !== "import-statement").map(({ path }) => path),
  );
  const found = [
    ...statements(source, text),
    ...calls(source, text).map((call) => ({ ...call, typeOnly: !dynamic.has(call.specifier) })),
  ];
  for (const { path } of scanned) {
    if (!found.some(({ specifier, typeOnly }) => specifier === path && !typeOnly)) {
      found.push({ specifier: path, typeOnly: false, line: 1 });
    }
  }
  return found.toSorted((a, b) => a.line - b.line);
}

function statements(source: string, text: SourceText): readonly FoundImport[] {
  return [...text.code.matchAll(STATEMENT)].flatMap((match) => {
    const [whole, keyword, type, clause = ""] = match;
    const specifier = text.strings.get(match.index + whole.length - 1);
    const from = /(^|[\s}*])from\s*$/.test(clause);
    const bare = keyword === "import" && type === undefined && clause.trim() === "";
    if (specifier === undefined || !(from || bare)) return [];
    return [{ specifier, typeOnly: type !== undefined, line: lineOf(source, match.index) }];
  });
}

function calls(source: string, text: SourceText): readonly Omit<FoundImport, "typeOnly">[] {
  return [...text.code.matchAll(CALL)].flatMap((match) => {
    const specifier = text.strings.get(match.index + match[0].length - 1);
    return specifier === undefined ? [] : [{ specifier, line: lineOf(source, match.index) }];
  });
}
