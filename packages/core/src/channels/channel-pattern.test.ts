import { describe, expect, test } from "bun:test";
import { compileChannelPattern } from "./channel-pattern.ts";

const table: [pattern: string, matching: string[], others: string[]][] = [
  ["", ["", "room", "a:b"], []],
  ["room", ["room"], ["rooms", "aroom", "Room", ""]],
  ["*", ["", "a", "a:b#c,d", "\n"], []],
  ["**", ["", "news:1"], []],
  ["room*", ["room", "room:1", "rooms/a"], ["aroom", "roo"]],
  ["*:log", [":log", "a:b:log"], ["log", "a:logs"]],
  ["a*b*c", ["abc", "aXbYc", "abcbc"], ["ab", "acb", "abcd"]],
  ["news:?", ["news:1", "news:é", "news:😀"], ["news:", "news:12"]],
  ["[abc]x", ["ax", "cx"], ["dx", "x", "abcx"]],
  ["[a-c][0-9]", ["a0", "c9"], ["d0", "a", "a-"]],
  ["[a-cx-z_]", ["b", "y", "_"], ["d", "-"]],
  ["[!a-z]", ["A", "0", "😀"], ["a", "", "AA"]],
  ["[a-]", ["a", "-"], ["b"]],
  ["[\\]]", ["]"], ["\\", "["]],
  ["{a,b}", ["a", "b"], ["", "ab", "c", "a,b"]],
  ["{news,chat}:*", ["news:1", "chat:"], ["news", "room:1"]],
  ["x{,y}z", ["xz", "xyz"], ["xyyz", "x"]],
  ["{a{1,2},b*}c", ["a1c", "a2c", "bc", "bxyc"], ["ac", "a3c", "b"]],
  ["{}x", ["x"], ["{}x"]],
  ["a,b}]", ["a,b}]"], ["a"]],
  ["\\*", ["*"], ["a", ""]],
  ["\\{a\\}", ["{a}"], ["a"]],
  ["{a\\,b,c}", ["a,b", "c"], ["a", "b"]],
  ["$u:#1", ["$u:#1"], ["u:#1"]],
  [".+(x)|^", [".+(x)|^"], ["aax"]],
];

describe("compileChannelPattern", () => {
  test.each(table)("%p", (pattern, matching, others) => {
    const matches = compileChannelPattern(pattern);
    expect(matching.map((name) => [name, matches?.(name)])).toEqual(
      matching.map((name) => [name, true]),
    );
    expect(others.map((name) => [name, matches?.(name)])).toEqual(
      others.map((name) => [name, false]),
    );
  });

  test.each([
    "[",
    "[a",
    "[]",
    "[!]",
    "[z-a]",
    "[a-",
    "[\\",
    "{",
    "{a",
    "{a,",
    "{a,{b}",
    "a\\",
    "{a\\}",
    "x".repeat(257),
  ])("refuses %p", (pattern) => {
    expect(compileChannelPattern(pattern)).toBeUndefined();
  });

  test("the longest pattern is fine, counted in code points", () => {
    expect(compileChannelPattern("😀".repeat(256))?.("😀".repeat(256))).toBe(true);
  });

  // A backtracking matcher does not come to an end with any of these.
  test.each([
    ["stars", "*a".repeat(128), `${"a".repeat(2_000)}b`, false],
    ["equal alternatives", "{a,a}".repeat(51), `${"a".repeat(50)}b`, false],
    ["stars in alternatives", `${"{*,*}".repeat(51)}b`, "a".repeat(2_000), false],
    [
      "nested stars",
      `${"{".repeat(85)}*${"}".repeat(85)}${"*?".repeat(40)}b`,
      "a".repeat(2_000),
      false,
    ],
    ["deep nesting", `${"{a,".repeat(60)}a${"}".repeat(60)}`, "a", true],
    ["empty nesting", "{".repeat(128) + "}".repeat(128), "", true],
  ])("work is bounded: %s", (_, pattern, name, expected) => {
    expect(compileChannelPattern(pattern)?.(name)).toBe(expected);
  });

  test("agrees with a regular expression on random patterns", () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = pseudoRandom(seed);
    for (let round = 0; round < 2_000; round += 1) {
      const [glob, expression] = randomPattern(random, 3);
      if (glob === "") continue;
      const matches = compileChannelPattern(glob);
      const reference = new RegExp(`^(?:${expression})$`, "s");
      for (let name = 0; name < 10; name += 1) {
        const text = Array.from({ length: random(6) }, () => "ab:c".charAt(random(4))).join("");
        expect({ seed, glob, text, matches: matches?.(text) }).toEqual({
          seed,
          glob,
          text,
          matches: reference.test(text),
        });
      }
    }
  });
});

/** A glob and the regular expression that means the same. */
function randomPattern(
  random: (n: number) => number,
  depth: number,
): [glob: string, expression: string] {
  const parts = Array.from({ length: random(4) }, (): [string, string] => {
    const kind = random(depth > 0 ? 8 : 7);
    if (kind === 0) return ["*", ".*"];
    if (kind === 1) return ["?", "."];
    if (kind === 2) return ["[ab]", "[ab]"];
    if (kind === 3) return ["[!a-b]", "[^a-b]"];
    if (kind < 7) return [["a", "b", ":"][kind - 4] ?? "", ["a", "b", ":"][kind - 4] ?? ""];
    const choices = Array.from({ length: 1 + random(3) }, () => randomPattern(random, depth - 1));
    return [
      `{${choices.map(([glob]) => glob).join(",")}}`,
      `(?:${choices.map(([, expression]) => expression).join("|")})`,
    ];
  });
  return [parts.map(([glob]) => glob).join(""), parts.map(([, expression]) => expression).join("")];
}

/** Draws from 0 … n − 1. */
function pseudoRandom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
