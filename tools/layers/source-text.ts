/** Source code with comments and the content of strings replaced by spaces; every offset stays where it was. */
export interface SourceText {
  readonly code: string;
  /** Content of each string literal without substitutions, by the offset of its opening quote in `code`. */
  readonly strings: ReadonlyMap<number, string>;
}

/** After these words a `/` begins a regular expression although they look like the end of an operand. */
const WORDS_BEFORE_AN_EXPRESSION =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/;

/**
 * Splits code from comments, strings, templates and regular expressions, without a parser.
 * What is inside `${…}` of a template stays code. An unclosed quote, as in the text of JSX, ends with its line.
 */
export function readSourceText(source: string): SourceText {
  const code = [...splitUtf16(source)];
  const strings = new Map<number, string>();
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;

  const blank = (from: number, to: number) => {
    for (let index = from; index < to; index += 1) if (code[index] !== "\n") code[index] = " ";
  };
  /** Blanks the template from `from` (after its backtick or `}`) to its end or its next `${`. */
  const readTemplate = (from: number) => {
    let end = from;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    blank(from, end);
    if (source[end] === "$") templates.push(0);
    else strings.set(from - 1, source.slice(from, end));
    at = end + (source[end] === "$" ? 2 : 1);
  };

  while (at < source.length) {
    const character = source[at];
    const depth = templates.at(-1);
    if (source.startsWith("//", at)) {
      const end = indexOrEnd(source, "\n", at);
      blank(at, end);
      at = end;
    } else if (source.startsWith("/*", at)) {
      const end = Math.min(indexOrEnd(source, "*/", at + 2) + 2, source.length);
      blank(at, end);
      at = end;
    } else if (character === '"' || character === "'") {
      let end = at + 1;
      while (end < source.length && source[end] !== character && source[end] !== "\n") {
        end += source[end] === "\\" ? 2 : 1;
      }
      strings.set(at, source.slice(at + 1, end));
      blank(at + 1, end);
      at = end + 1;
    } else if (character === "`") {
      readTemplate(at + 1);
    } else if (character === "/" && beginsExpression(code, at)) {
      const end = regularExpressionEnd(source, at);
      blank(at + 1, end);
      at = end;
    } else if (character === "}" && depth === 0) {
      templates.pop();
      readTemplate(at + 1);
    } else {
      if (depth !== undefined && character === "{") templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && character === "}") templates[templates.length - 1] = depth - 1;
      at += 1;
    }
  }
  return { code: code.join(""), strings };
}

/** Line of an offset, counted from 1. */
export function lineOf(source: string, offset: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at !== -1 && at < offset; at = source.indexOf("\n", at + 1)) {
    line += 1;
  }
  return line;
}

function* splitUtf16(source: string): Iterable<string> {
  for (let index = 0; index < source.length; index += 1) yield source.charAt(index);
}

function beginsExpression(code: readonly string[], at: number): boolean {
  const before = code
    .slice(Math.max(0, at - 80), at)
    .join("")
    .trimEnd();
  if (before === "" || WORDS_BEFORE_AN_EXPRESSION.test(before)) return true;
  // `<` comes before the `/` of a closing JSX tag.
  return !/[\w$)\]}"'`<]$/.test(before);
}

function regularExpressionEnd(source: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < source.length && source[at] !== "\n"; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "[") inClass = true;
    else if (source[at] === "]") inClass = false;
    else if (source[at] === "/" && !inClass) return at;
  }
  // No end on this line: it was a division after all.
  return start + 1;
}

function indexOrEnd(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index === -1 ? source.length : index;
}
