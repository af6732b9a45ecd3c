import { describe, expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import type { HeaderMatch } from "../ports/topology-store.ts";
import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import { exchangeTypes } from "./exchange-types.ts";
import type { RoutedEvent } from "./route.ts";

interface Named extends BindingArguments {
  readonly name: string;
}

type Headers = RoutedEvent["headers"];

function createIndex(type: string): ExchangeIndex<Named> {
  const create = exchangeTypes.get(type);
  if (!create) throw new Error(`no exchange type ${type}`);
  return create<Named>();
}

/** Names of those that match, each once, sorted. */
function matching(index: ExchangeIndex<Named>, key: string, headers: Headers = {}): string[] {
  const names = new Set<string>();
  index.match({ exchange: "x", key, headers }, ({ name }) => names.add(name));
  return [...names].toSorted();
}

const bound = (name: string, key = "", match?: HeaderMatch): Named => ({ name, key, match });
const all = (headers: Headers): HeaderMatch => ({ mode: "all", headers });
const any = (headers: Headers): HeaderMatch => ({ mode: "any", headers });

test("the types are those of AMQP 0-9-1", () => {
  expect([...exchangeTypes.keys()]).toEqual(["fanout", "direct", "topic", "headers"]);
});

describe.each([...exchangeTypes.keys()])("%s", (type) => {
  test("keeps bindings that look the same apart, and forgets what is removed", () => {
    const index = createIndex(type);
    const first = bound("first", "a.b");
    const second = bound("second", "a.b");
    index.add(first);
    index.add(first);
    index.add(second);
    expect(matching(index, "a.b")).toEqual(["first", "second"]);
    index.remove(first);
    index.remove(first);
    index.remove(bound("second", "a.b"));
    expect(matching(index, "a.b")).toEqual(["second"]);
    index.remove(second);
    expect(matching(index, "a.b")).toEqual([]);
    index.add(first);
    expect(matching(index, "a.b")).toEqual(["first"]);
  });
});

test("fanout: every binding, whatever the key", () => {
  const index = createIndex("fanout");
  index.add(bound("a", "x"));
  index.add(bound("b", ""));
  expect(matching(index, "y")).toEqual(["a", "b"]);
});

test("direct: bindings whose key is the event's", () => {
  const index = createIndex("direct");
  for (const key of ["", "a", "A", "a.b", "*", "#"]) index.add(bound(`key ${key}`, key));
  expect(["", "a", "a.b", "*", "b"].map((key) => matching(index, key))).toEqual([
    ["key "],
    ["key a"],
    ["key a.b"],
    ["key *"],
    [],
  ]);
});

describe("topic", () => {
  const table: [pattern: string, matching: string[], others: string[]][] = [
    ["", [""], ["a", "."]],
    ["a", ["a"], ["", "A", "a.", ".a", "a.a", "aa"]],
    ["a.b", ["a.b"], ["a", "a.b.c", "ab"]],
    ["*", ["a", "*", "#"], ["", "a.b", "."]],
    ["#", ["", "a", "a.b", ".", "a..b"], []],
    ["a.*", ["a.b", "a."], ["a", "a.b.c", "b.a"]],
    ["*.b", ["a.b", ".b"], ["b", "a.b.b"]],
    ["*.*", ["a.b", "."], ["a", "a.b.c", ""]],
    ["a.#", ["a", "a.b", "a.b.c", "a."], ["", "b", "ab", "b.a"]],
    ["#.a", ["a", "b.a", "a.a", "b.c.a"], ["", "a.b", "ba"]],
    ["a.#.b", ["a.b", "a.c.b", "a.b.b", "a.c.d.b"], ["a", "b", "a.b.c"]],
    ["*.#", ["a", "a.b", "."], [""]],
    ["#.*", ["a", "a.b", "a.b.c"], [""]],
    ["#.#", ["", "a", "a.b"], []],
    ["#.a.#.a.#", ["a.a", "b.a.c.a.d", "a.b.a"], ["a", "a.b"]],
    ["a..b", ["a..b"], ["a.b", "a.c.b"]],
    ["a*.b", ["a*.b"], ["ac.b"]],
    ["a#", ["a#"], ["a", "a.b"]],
    ["é.😀", ["é.😀"], ["e.😀"]],
  ];

  test.each(table)("%p", (pattern, keys, others) => {
    const index = createIndex("topic");
    index.add(bound("it", pattern));
    expect(keys.map((key) => [key, matching(index, key)])).toEqual(
      keys.map((key) => [key, ["it"]]),
    );
    expect(others.map((key) => [key, matching(index, key)])).toEqual(
      others.map((key) => [key, []]),
    );
  });

  test("many # in many patterns: work is bounded", () => {
    const index = createIndex("topic");
    // Following each # by itself takes more than 10^20 steps for the longest of them.
    for (let length = 1; length <= 40; length += 1) {
      index.add(bound(`${length}`, `${"#.a.".repeat(length)}b`));
    }
    expect(matching(index, `${"a.".repeat(120)}c`)).toEqual([]);
    expect(matching(index, `${"a.".repeat(120)}b`)).toHaveLength(40);
  });

  test.each(fuzzSeeds(5))("agrees with a naive matcher, seed %i", (seed) => {
    const random = new SeededRandom(seed);
    const index = createIndex("topic");
    const patternWords = ["a", "b", "", "*", "#", "#"];
    const keyWords = ["a", "b", "c", ""];
    const text = (words: readonly string[]): string =>
      Array.from({ length: random.int(6) }, () => random.pick(words)).join(".");
    const present = new Set<Named>();
    for (let step = 0; step < 2_000; step += 1) {
      if (present.size > 0 && random.chance(0.4)) {
        const gone = random.pick([...present]);
        present.delete(gone);
        index.remove(gone);
      } else if (present.size < 40) {
        const binding = bound(`${step}`, text(patternWords));
        present.add(binding);
        index.add(binding);
      }
      const key = text(keyWords);
      const expected = [...present]
        .filter((binding) => matchesNaively(wordsOf(binding.key), wordsOf(key)))
        .map(({ name }) => name)
        .toSorted();
      expect({ step, key, names: matching(index, key) }).toEqual({ step, key, names: expected });
    }
    for (const binding of present) index.remove(binding);
    expect(matching(index, "a.b")).toEqual([]);
  });
});

describe("headers", () => {
  const table: [match: HeaderMatch | undefined, matching: Headers[], others: Headers[]][] = [
    [undefined, [{}, { a: 1 }], []],
    [all({}), [{}, { a: 1 }], []],
    [any({}), [], [{}, { a: 1 }]],
    [
      all({ a: 1, b: "x" }),
      [
        { a: 1, b: "x" },
        { b: "x", c: true, a: 1 },
      ],
      [{}, { a: 1 }, { b: "x" }, { a: 2, b: "x" }, { a: 1, b: "y" }],
    ],
    [
      any({ a: 1, b: "x" }),
      [{ a: 1 }, { b: "x" }, { a: 1, b: "y" }, { a: 1, b: "x" }],
      [{}, { a: 2 }, { c: 1 }],
    ],
    [all({ a: 1 }), [{ a: 1 }], [{ a: "1" }, { a: true }]],
    [any({ a: "1" }), [{ a: "1" }], [{ a: 1 }]],
    [all({ a: true }), [{ a: true }], [{ a: "true" }, { a: 1 }, { a: false }]],
    [all({ a: "" }), [{ a: "" }], [{}, { a: false }, { a: 0 }]],
    [all({ constructor: "x" }), [{ constructor: "x" }], [{}]],
  ];

  const titled = table.map((row) => [JSON.stringify(row[0]) ?? "no match", ...row] as const);

  test.each(titled)("%s", (_, match, events, others) => {
    const index = createIndex("headers");
    index.add(bound("it", "the key does not count", match));
    expect(events.map((headers) => [headers, matching(index, "k", headers)])).toEqual(
      events.map((headers) => [headers, ["it"]]),
    );
    expect(others.map((headers) => [headers, matching(index, "k", headers)])).toEqual(
      others.map((headers) => [headers, []]),
    );
  });

  test.each(fuzzSeeds(5))("agrees with a naive matcher, seed %i", (seed) => {
    const random = new SeededRandom(seed);
    const index = createIndex("headers");
    const headers = (most: number): Headers =>
      Object.fromEntries(
        Array.from({ length: random.int(most + 1) }, () => [
          random.pick(["a", "b", "c"]),
          random.pick(["1", 1, true]),
        ]),
      );
    const present = new Set<Named>();
    for (let step = 0; step < 1_000; step += 1) {
      if (present.size > 0 && random.chance(0.4)) {
        const gone = random.pick([...present]);
        present.delete(gone);
        index.remove(gone);
      } else if (present.size < 30) {
        const mode = random.pick(["all", "any"] as const);
        const binding = bound(`${step}`, "", { mode, headers: headers(2) });
        present.add(binding);
        index.add(binding);
      }
      const given = headers(3);
      const expected = [...present]
        .filter(({ match }) => {
          const wanted = Object.entries(match?.headers ?? {});
          const holds = ([name, value]: (typeof wanted)[number]): boolean => given[name] === value;
          return match?.mode === "any" ? wanted.some(holds) : wanted.every(holds);
        })
        .map(({ name }) => name)
        .toSorted();
      expect({ step, given, names: matching(index, "", given) }).toEqual({
        step,
        given,
        names: expected,
      });
    }
  });
});

function wordsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(".");
}

function matchesNaively(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === "#")
    return (
      matchesNaively(rest, words) || (words.length > 0 && matchesNaively(pattern, words.slice(1)))
    );
  return (
    words.length > 0 &&
    (first === "*" || first === words[0]) &&
    matchesNaively(rest, words.slice(1))
  );
}
