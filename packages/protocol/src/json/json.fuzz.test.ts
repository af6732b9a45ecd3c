import { describe, expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import { cutJsonText, parseJsonText } from "../payload.ts";
import { ProtocolError } from "../protocol-error.ts";
import { jsonCodec } from "./json-codec.ts";
import { sliceElements, sliceMembers } from "./member-slices.ts";

const spaces = ["", "", "", " ", "\n", "\r\n", "\t  "] as const;
const names = [
  "a",
  "id",
  "__proto__",
  "constructor",
  "",
  "ключ",
  "\\u0061",
  '\\"',
  "\\\\",
  "😀",
  "{",
  "]:,",
];
const scalars = [
  "0",
  "-0",
  "1e-7",
  "-1.5E+30",
  "9007199254740993",
  "true",
  "false",
  "null",
] as const;
const pieces = [
  "x",
  "\\n",
  "\\\\",
  '\\"',
  "\\u00e9",
  "\\ud83d\\ude00",
  "é",
  "😀",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  " ",
] as const;

/** Random JSON as text, written by hand, so that white space, escapes and duplicates are as rich as the grammar. */
class Documents {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  value(depth: number): string {
    const kind = this.#random.int(depth > 0 ? 4 : 2);
    if (kind === 0) return this.#random.pick(scalars);
    if (kind === 1) return this.string();
    return kind === 2 ? this.object(depth - 1) : this.array(depth - 1);
  }

  object(depth: number): string {
    const members = this.#many(
      () =>
        `${this.#space()}"${this.#random.pick(names)}"${this.#space()}:${this.#space()}${this.value(depth)}${this.#space()}`,
    );
    return `{${members.join(",") || this.#space()}}`;
  }

  array(depth: number): string {
    const elements = this.#many(() => `${this.#space()}${this.value(depth)}${this.#space()}`);
    return `[${elements.join(",") || this.#space()}]`;
  }

  string(): string {
    return `"${this.#many(() => this.#random.pick(pieces)).join("")}"`;
  }

  #space(): string {
    return this.#random.pick(spaces);
  }

  #many(make: () => string): string[] {
    return Array.from({ length: this.#random.int(6) }, make);
  }
}

/** Breaks a text somewhere, or leaves it. */
function damaged(text: string, random: SeededRandom): string {
  const at = random.int(text.length + 1);
  const rest = text.slice(at + random.int(3));
  const inserted = random.pick([
    "",
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\u0000",
    "\ud800",
    "nul",
  ]);
  return text.slice(0, at) + inserted + rest;
}

describe("slices of a document are what JSON.parse makes of it", () => {
  for (const seed of fuzzSeeds(20)) {
    test(`seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const documents = new Documents(random);
      for (let round = 0; round < 100; round += 1) {
        const lead = random.pick(spaces);
        const text = `${lead}${documents.object(4)}${random.pick(spaces)}`;
        const parsed = JSON.parse(text) as Record<string, unknown>; // an object by construction
        const members = sliceMembers(text, random.int(lead.length + 1));
        expect([...members.keys()].toSorted()).toEqual(Object.keys(parsed).toSorted());
        for (const [name, { start, end }] of members) {
          const expected = Object.getOwnPropertyDescriptor(parsed, name)?.value as unknown;
          expect(JSON.parse(text.slice(start, end))).toEqual(expected);
          expect(text.slice(start, end)).toBe(text.slice(start, end).trim());
          const cut = cutJsonText(text + " ".repeat(2_000), start, end);
          expect(cut).not.toMatch(/[\n\r]/);
          expect(JSON.parse(cut)).toEqual(expected);
        }
        const list = documents.array(4);
        const elements = sliceElements(lead + list, 0).map(({ start, end }): unknown =>
          JSON.parse((lead + list).slice(start, end)),
        );
        expect(elements).toEqual(JSON.parse(list) as unknown[]); // an array by construction
      }
    });
  }
});

describe("parseJsonText takes what JSON.parse takes, on one line", () => {
  for (const seed of fuzzSeeds(10)) {
    test(`seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const documents = new Documents(random);
      for (let round = 0; round < 200; round += 1) {
        const text = damaged(documents.value(3), random);
        let expected: unknown;
        let valid = true;
        try {
          expected = JSON.parse(text);
        } catch {
          valid = false;
        }
        const accepted = parseJsonText(text);
        expect(accepted !== undefined).toBe(valid);
        if (accepted === undefined) continue;
        expect(JSON.parse(accepted)).toEqual(expected);
        expect(accepted).not.toMatch(/[\n\r]/);
      }
    });
  }
});

const keys = [
  "id",
  "connect",
  "subscribe",
  "publish",
  "history",
  "rpc",
  "send",
  "refresh",
  "sub_refresh",
  "presence",
];
const inner = [
  "channel",
  "token",
  "data",
  "subs",
  "recover",
  "offset",
  "epoch",
  "flag",
  "since",
  "limit",
  "method",
  "tf",
];

function randomCommand(random: SeededRandom, documents: Documents): string {
  const request = Array.from(
    { length: random.int(5) },
    () => `"${random.pick(inner)}":${random.chance(0.5) ? documents.string() : documents.value(2)}`,
  );
  const members = [
    `"id":${random.chance(0.8) ? random.int(5) : documents.value(1)}`,
    `"${random.pick(keys)}":${random.chance(0.9) ? `{${request.join(",")}}` : documents.value(2)}`,
  ];
  // A newline inside of a command breaks it: most have none.
  const text = `{${random.shuffle(members).join(",")}}`;
  return random.chance(0.9) ? text.replaceAll(/[\r\n]/g, " ") : text;
}

describe("whatever a client sends is commands or a ProtocolError", () => {
  for (const seed of fuzzSeeds(20)) {
    test(`seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const documents = new Documents(random);
      let decoded = 0;
      for (let round = 0; round < 500; round += 1) {
        const lines = Array.from({ length: 1 + random.int(2) }, () =>
          randomCommand(random, documents),
        );
        const frame = random.chance(0.3) ? damaged(lines.join("\n"), random) : lines.join("\n");
        try {
          decoded += jsonCodec.decode(frame).length;
        } catch (error) {
          if (!(error instanceof ProtocolError))
            throw new Error(`on ${JSON.stringify(frame)}`, { cause: error });
        }
      }
      expect(decoded).toBeGreaterThan(20);
    });
  }
});

describe("nesting 100,000 deep ends in commands or a ProtocolError, not in a crash", () => {
  const deep = 100_000;
  const nested = {
    arrays: "[".repeat(deep) + "]".repeat(deep),
    objects: '{"a":'.repeat(deep) + "1" + "}".repeat(deep),
    "arrays that never close": "[".repeat(deep),
  };
  for (const [what, data] of Object.entries(nested)) {
    test(what, () => {
      for (const frame of [
        data,
        `{"id":1,"publish":{"channel":"a","data":${data}}}`,
        `{"id":1,"connect":{"subs":${data}}}`,
      ]) {
        try {
          for (const command of jsonCodec.decode(frame)) {
            if (command.method === "publish") expect(command.data).toBe(data as never);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }
    });
  }

  test("slicing does not recurse", () => {
    const text = `{"a":${nested.arrays},"b":2}`;
    expect(sliceMembers(text).get("a")).toEqual({ start: 5, end: 5 + 2 * deep });
    expect(sliceElements(`[${nested.objects},7]`)).toHaveLength(2);
  });
});
