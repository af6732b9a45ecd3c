import { describe, expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import { configOptions } from "./declaration.ts";
import { formatMistakes, formatWarnings } from "./mistake.ts";
import { parseConfig } from "./parse-config.ts";

const options = configOptions();
const scraps = [
  "null",
  "~",
  "0",
  "-1",
  "1e400",
  ".nan",
  "true",
  "64KiB",
  "5s",
  "''",
  '"\\u0000"',
  "*a",
  "&a b",
  "[",
  "{",
  "{}",
  "[]",
  "- 1",
  "!!binary x",
  "2001-01-01",
  "__proto__",
  "constructor",
  "[[[[1]]]]",
  "{a: {b: {}}}",
  "<<",
  "? x",
  "|",
  "%",
  "\t",
  "999999999999999999999",
  "::1",
  "*",
  "null:",
  "https://*.x",
];

function randomYaml(random: SeededRandom): string {
  const lines = Array.from({ length: random.int(12) }, () => {
    const { yamlKeys } = random.pick(options);
    const depth = random.int(yamlKeys.length + 1);
    const path = [
      ...yamlKeys.slice(0, depth),
      ...(random.chance(0.3) ? [random.pick(scraps)] : yamlKeys.slice(depth)),
    ];
    return `${path.map((key, at) => `${"  ".repeat(at)}${key}:`).join("\n")} ${random.pick(scraps)}`;
  });
  const text = lines.join("\n");
  if (random.chance(0.7)) return text;
  const cut = random.int(text.length + 1);
  return text.slice(0, cut) + random.pick(scraps) + text.slice(cut + random.int(5));
}

describe.each([...fuzzSeeds(4)])("seed %i", (seed) => {
  test("random YAML, variables and flags give a configuration or mistakes, never a crash", () => {
    const random = new SeededRandom(seed);
    const outcomes = new Set<boolean>();
    for (let round = 0; round < 250; round += 1) {
      const text = randomYaml(random);
      const option = random.pick(options);
      const env = random.chance(0.3) ? { [option.env]: random.pick(scraps) } : {};
      const args = random.chance(0.3)
        ? [option.flag ?? "--x", random.pick(scraps), random.pick(scraps)]
        : [];
      const result = parseConfig({
        file: { path: "f.yaml", text },
        env,
        args,
        dev: random.chance(0.5),
      });
      outcomes.add(result.ok);
      expect(formatWarnings(result.warnings)).toBeString();
      if (result.ok) expect(result.config.http.port).toBeInteger();
      else expect(formatMistakes(result.mistakes)).toMatch(/\d mistakes? in the configuration/);
    }
    expect(Object.hasOwn(Object.prototype, "port")).toBe(false);
    // The generator reaches both.
    expect(outcomes).toEqual(new Set([true, false]));
  });
});

test("YAML that expands to gigabytes is refused at once", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefghij"
      .split("")
      .map((name, at) => `${name}: &${name} [${`*${"abcdefghij"[at]},`.repeat(9)}]`),
  ].join("\n");
  const result = parseConfig({
    file: { path: "f.yaml", text: bomb },
    env: {},
    args: [],
    dev: false,
  });
  expect(result.ok ? [] : result.mistakes.map(({ code }) => code)).toEqual(["syntax"]);
});
