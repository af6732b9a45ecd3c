import { describe, expect, test } from "bun:test";
import { type ChannelTemplate, parseChannelTemplate } from "./channel-template.ts";
import type { RoutedEvent } from "./route.ts";

const event: RoutedEvent = {
  exchange: "retail",
  key: "United Kingdom.536365..x",
  headers: {
    warehouse: "berlin-2",
    "a.b": "dotted",
    count: 1e21,
    price: -2.5,
    cancelled: false,
    none: "",
    colon: "a:b#c$d,e",
    letters: "x".repeat(64),
    long: "x".repeat(65),
    spaces: " ".repeat(21),
    moreSpaces: " ".repeat(22),
    half: "\ud800",
  },
};

function template(text: string, value?: RegExp): ChannelTemplate {
  const parsed = parseChannelTemplate(text, { value });
  if (parsed.kind === "mistake") throw new Error(parsed.message);
  return parsed.template;
}

test.each([
  ["news", "news"],
  ["orders:{headers.warehouse}", "orders:berlin-2"],
  ["{headers.warehouse}:{headers.warehouse}", "berlin-2:berlin-2"],
  ["c:{headers.a.b}", "c:dotted"],
  ["c:{headers.count}", "c:1e%2B21"],
  ["c:{headers.price}", "c:-2.5"],
  ["c:{headers.cancelled}", "c:false"],
  ["c:{headers.colon}", "c:a%3Ab%23c%24d%2Ce"],
  ["c:{headers.half}", "c:%EF%BF%BD"],
  ["c:{headers.letters}", `c:${"x".repeat(64)}`],
  ["c:{headers.spaces}", `c:${"%20".repeat(21)}`],
  ["c:{key}", "c:United%20Kingdom.536365..x"],
  ["c:{key.1}", "c:United%20Kingdom"],
  ["c:{key.2}.{key.4}", "c:536365.x"],
  ["c:{{{key.2}}}", "c:{536365}"],
  ["c:{{key.2}}", "c:{key.2}"],
  ["$u#1,%", "$u#1,%"],
])("%s", (text, name) => {
  expect(template(text).nameFor(event)).toBe(name);
});

test.each([
  "c:{headers.missing}",
  "c:{headers.none}",
  "c:{headers.long}",
  "c:{headers.moreSpaces}",
  "c:{headers.constructor}",
  "c:{key.3}",
  "c:{key.5}",
  "c:{headers.warehouse}.{headers.missing}",
])("nothing for %s", (text) => {
  expect(template(text).nameFor(event)).toBeUndefined();
});

test("a key without characters has no words", () => {
  const empty = { ...event, key: "" };
  expect([template("{key}").nameFor(empty), template("{key.1}").nameFor(empty)]).toEqual([
    undefined,
    undefined,
  ]);
});

describe("a pattern for values", () => {
  test("says what stands as it is; all else is encoded", () => {
    const name = template("c:{headers.colon}.{headers.warehouse}", /[a-e:#$,]+/).nameFor(event);
    expect(name).toBe("c:a:b#c$d,e.berlin-2");
    expect(template("c:{headers.colon}", /[a-e]+/).nameFor(event)).toBe("c:a%3Ab%23c%24d%2Ce");
  });

  test("may allow longer values", () => {
    expect(template("{headers.long}", /x{1,100}/).nameFor(event)).toBe("x".repeat(65));
  });

  test("matches the whole value, whatever its flags and alternatives, time after time", () => {
    const colons = { ...event, headers: { value: "a:\nx" } };
    const named = template("{headers.value}", /a|x/gmy);
    expect([named.nameFor(colons), named.nameFor(colons)]).toEqual(["a%3A%0Ax", "a%3A%0Ax"]);
    const plain = template("{headers.value}", /x:/g);
    const values = ["x:", "x:", "y:"].map((value) =>
      plain.nameFor({ ...event, headers: { value } }),
    );
    expect(values).toEqual(["x:", "x:", "y%3A"]);
  });
});

test("says whether the key alone makes the name", () => {
  expect(
    ["news", "{key}", "{key.1}:{key.2}", "{key}.{headers.a}", "{{headers.a}}"].map(
      (text) => template(text).byKeyAlone,
    ),
  ).toEqual([true, true, true, false, true]);
});

const placeholders = "there are {key}, {key.1} for its first word and so on, and {headers.NAME}";

test.each([
  ["", 1, "the channel's name is empty"],
  ["c:{key", 3, "a { stands alone at character 3; for the character itself write {{"],
  ["c:key}", 6, "a } stands alone at character 6; for the character itself write }}"],
  ["c:{ke{y}", 3, "a { stands alone at character 3; for the character itself write {{"],
  ["{key}{Key}", 6, `unknown placeholder {Key} at character 6; ${placeholders}`],
  ["c:{}", 3, `unknown placeholder {} at character 3; ${placeholders}`],
  ["c:{key.0}", 3, `unknown placeholder {key.0} at character 3; ${placeholders}`],
  ["c:{key.01}", 3, `unknown placeholder {key.01} at character 3; ${placeholders}`],
  ["c:{headers.}", 3, `unknown placeholder {headers.} at character 3; ${placeholders}`],
  ["c:{headers}", 3, `unknown placeholder {headers} at character 3; ${placeholders}`],
])("refuses %p", (text, position, message) => {
  expect(parseChannelTemplate(text)).toEqual({ kind: "mistake", message, position });
});
