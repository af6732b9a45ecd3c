/** Characters. A name is matched in at most (characters of the name) × (characters of the pattern) steps. */
const maxPatternLength = 256;

/** A step of the compiled pattern. Where a step does not say, the next one follows. */
type Step =
  | { readonly op: "one"; readonly accepts: (codePoint: number) => boolean }
  /** Goes on at each of `to` without taking a character. */
  | { readonly op: "fork"; readonly to: readonly number[] };

/**
 * Compiles a glob over channel names. `*` and `**` stand for any text, `?` for one character, `[abc]`, `[a-z]` and
 * `[!a-z]` for one of a set, `{a,b}` for alternatives (which may hold patterns), and a backslash takes the next
 * character literally. There are no separators: `:` is a character like any other, and the whole name must match.
 * "" matches every name. Characters are Unicode code points.
 *
 * undefined for a bad pattern: a set or alternatives without an end, an empty set, a range that runs backwards, a
 * backslash at the end, or more than 256 characters.
 *
 * Names are matched by keeping the set of all reachable steps, character by character; there is no backtracking, so
 * that no pattern is expensive.
 */
export function compileChannelPattern(pattern: string): ((name: string) => boolean) | undefined {
  if (pattern === "") return () => true;
  const characters = Array.from(pattern);
  if (characters.length > maxPatternLength) return undefined;
  const steps = new PatternParser(characters).parse();
  return steps && ((name) => matches(steps, name));
}

class PatternParser {
  readonly #characters: readonly string[];
  readonly #steps: Step[] = [];
  #at = 0;

  constructor(characters: readonly string[]) {
    this.#characters = characters;
  }

  parse(): readonly Step[] | undefined {
    return this.#sequence(0) && this.#at === this.#characters.length ? this.#steps : undefined;
  }

  /** Up to the end of the pattern, or inside alternatives up to `,` or `}`. False: the pattern is bad. */
  #sequence(depth: number): boolean {
    while (this.#at < this.#characters.length) {
      const character = this.#characters[this.#at] ?? "";
      if (depth > 0 && (character === "," || character === "}")) return true;
      this.#at += 1;
      if (!this.#item(character, depth)) return false;
    }
    return depth === 0;
  }

  #item(character: string, depth: number): boolean {
    switch (character) {
      case "*":
        return this.#anyText();
      case "?":
        return this.#one(() => true);
      case "[":
        return this.#set();
      case "{":
        return this.#alternatives(depth + 1);
      case "\\":
        return this.#at < this.#characters.length && this.#literal(this.#next());
      default:
        return this.#literal(character);
    }
  }

  #anyText(): boolean {
    while (this.#characters[this.#at] === "*") this.#at += 1;
    const loop = this.#steps.length;
    this.#fork([loop + 1, loop + 3]);
    this.#one(() => true);
    return this.#fork([loop]);
  }

  #alternatives(depth: number): boolean {
    const entry = this.#steps.length;
    this.#fork([]);
    const starts: number[] = [];
    const ends: number[] = [];
    let closed = false;
    while (!closed) {
      starts.push(this.#steps.length);
      if (!this.#sequence(depth)) return false;
      ends.push(this.#steps.length);
      this.#fork([]);
      closed = this.#next() === "}";
    }
    const after = this.#steps.length;
    this.#steps[entry] = { op: "fork", to: starts };
    for (const end of ends) this.#steps[end] = { op: "fork", to: [after] };
    return true;
  }

  #set(): boolean {
    const negated = this.#characters[this.#at] === "!";
    if (negated) this.#at += 1;
    const ranges: [number, number][] = [];
    while (this.#characters[this.#at] !== "]") {
      const low = this.#setMember();
      const isRange = this.#characters[this.#at] === "-" && this.#characters[this.#at + 1] !== "]";
      if (isRange) this.#at += 1;
      const high = isRange ? this.#setMember() : low;
      if (low === undefined || high === undefined || high < low) return false;
      ranges.push([low, high]);
    }
    this.#at += 1;
    if (ranges.length === 0) return false;
    return this.#one(
      (codePoint) =>
        ranges.some(([low, high]) => codePoint >= low && codePoint <= high) !== negated,
    );
  }

  #setMember(): number | undefined {
    const character = this.#next();
    return (character === "\\" ? this.#next() : character).codePointAt(0);
  }

  #literal(character: string): boolean {
    const wanted = character.codePointAt(0);
    return this.#one((codePoint) => codePoint === wanted);
  }

  #one(accepts: (codePoint: number) => boolean): boolean {
    this.#steps.push({ op: "one", accepts });
    return true;
  }

  #fork(to: readonly number[]): boolean {
    this.#steps.push({ op: "fork", to });
    return true;
  }

  /** "" at the end. */
  #next(): string {
    const character = this.#characters[this.#at] ?? "";
    this.#at += 1;
    return character;
  }
}

function matches(steps: readonly Step[], name: string): boolean {
  // The round in which a step was last reached, so that each is looked at once a character.
  const reachedIn = new Int32Array(steps.length + 1).fill(-1);
  let round = 0;
  let current = reach(steps, [0], reachedIn, round);
  for (const character of name) {
    const codePoint = character.codePointAt(0) ?? 0;
    const next: number[] = [];
    for (const index of current) {
      const step = steps[index];
      if (step?.op === "one" && step.accepts(codePoint)) next.push(index + 1);
    }
    if (next.length === 0) return false;
    round += 1;
    current = reach(steps, next, reachedIn, round);
  }
  return reachedIn[steps.length] === round;
}

/** All steps that can be got to from `from` without taking a character, forks left out. */
function reach(
  steps: readonly Step[],
  from: readonly number[],
  reachedIn: Int32Array,
  round: number,
): number[] {
  const found: number[] = [];
  const pending = [...from];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (reachedIn[index] === round) continue;
    reachedIn[index] = round;
    const step = steps[index];
    if (step?.op === "fork") pending.push(...step.to);
    else if (step !== undefined) found.push(index);
  }
  return found;
}
