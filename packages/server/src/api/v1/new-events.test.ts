import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { eventSchema, mostEvents, readEvents } from "./new-events.ts";

/** What became of each event of `text`: the event, or the field that is wrong. */
function read(text: string): unknown[] {
  return readEvents(text, "x").events.map(({ event }) =>
    event instanceof SwitchyardError ? `wrong: ${event.field}: ${event.message}` : event,
  );
}

function refusal(text: string): unknown {
  try {
    return { read: read(text) };
  } catch (error) {
    if (!(error instanceof SwitchyardError)) throw error;
    return [error.kind, error.field, error.message];
  }
}

const plain = {
  exchange: "x",
  key: "",
  headers: {},
  contentType: undefined,
  id: undefined,
  mandatory: false,
  delayMs: undefined,
  deliverAt: undefined,
  priority: 0,
  ttlMs: undefined,
};

describe("bodies", () => {
  test.each([
    "9007199254740993",
    "1.50",
    "1e400",
    '"\\u00e9\\ud800"',
    "null",
    "false",
    '{ "a" : [1, {"body": 2}],\t"b":"}" }',
    "[]",
    '""',
  ])("%s stays as it is spelt, alone and in a batch", (body) => {
    expect(read(`{"key":"","body":${body}}`)).toEqual([{ ...plain, body }]);
    expect(read(`{"events":[{"body":1}, {"body":${body}}]}`)).toEqual([
      { ...plain, body: "1" },
      { ...plain, body },
    ]);
  });

  test("line breaks between tokens become spaces", () => {
    expect(read('{"body":{\n"a":\r\n1}}')).toEqual([{ ...plain, body: '{ "a":  1}' }]);
  });

  test("of several the last one counts, as for every member", () => {
    const text = '{"body":1,"key":"a","body":{"b":2},"key":"c"}';
    expect(read(text)).toEqual([{ ...plain, key: "c", body: '{"b":2}' }]);
  });

  test("names may be escaped", () => {
    expect(read('{"b\\u006fdy":12}')).toEqual([{ ...plain, body: "12" }]);
  });

  test("bytes", () => {
    const body = new Uint8Array([0, 255, 1]);
    expect(read('{"b64body":"AP8B"}')).toEqual([{ ...plain, body }]);
    expect(read('{"b64body":"AP8B","content_type":"image/png"}')).toEqual([
      { ...plain, body, contentType: "image/png" },
    ]);
    expect(read('{"b64body":""}')).toEqual([{ ...plain, body: new Uint8Array() }]);
  });

  test("bytes that are said to be JSON are JSON", () => {
    const bytes = btoa("9007199254740993");
    for (const type of ["application/json", "Application/JSON; charset=utf-8"])
      expect(read(JSON.stringify({ b64body: bytes, content_type: type }))).toEqual([
        { ...plain, body: "9007199254740993" },
      ]);
    const broken = JSON.stringify({ b64body: btoa("{"), content_type: "application/json" });
    expect(refusal(broken)).toEqual([
      "badRequest",
      "b64body",
      "b64body must be JSON, as content_type says",
    ]);
  });
});

test("a header that is too large for a number is refused, not made null", () => {
  expect(refusal('{"headers":{"a":1e999},"body":1}')).toEqual([
    "badRequest",
    "headers.a",
    expect.stringContaining("a number"),
  ]);
});

test("every member", () => {
  const text =
    '{"key":"a.b","headers":{"s":"x","n":1.5,"b":true},"body":1,"id":"i","mandatory":true,"delay_ms":5,"priority":9,"ttl_ms":60000}';
  expect(read(text)).toEqual([
    {
      exchange: "x",
      key: "a.b",
      headers: { s: "x", n: 1.5, b: true },
      body: "1",
      contentType: undefined,
      id: "i",
      mandatory: true,
      delayMs: 5,
      deliverAt: undefined,
      priority: 9,
      ttlMs: 60_000,
    },
  ]);
  const at = '{"body":1,"deliver_at":1700000000000}';
  expect(read(at)).toEqual([{ ...plain, body: "1", deliverAt: 1_700_000_000_000 }]);
});

const long = "x".repeat(256);

/** Members of an event besides its body, and the field that is wrong with them. */
const wrongMembers: readonly (readonly [
  members: Readonly<Record<string, unknown>>,
  field: string,
])[] = [
  [{ key: 1 }, "key"],
  [{ key: null }, "key"],
  [{ key: long }, "key"],
  [{ key: "a\0b" }, "key"],
  [{ key: "\ud800" }, "key"],
  [{ key: "a\u001fb" }, "key"],
  [{ headers: [] }, "headers"],
  [{ headers: null }, "headers"],
  [{ headers: { a: null } }, "headers.a"],
  [{ headers: { a: {} } }, "headers.a"],
  [{ headers: { a: 2 ** 53 } }, "headers.a"],
  [{ headers: { ok: 1, a: "\0" } }, "headers.a"],
  [{ headers: { a: "\u001f" } }, "headers.a"],
  [{ id: "" }, "id"],
  [{ id: 5 }, "id"],
  [{ id: long }, "id"],
  [{ id: "a\u001fb" }, "id"],
  [{ mandatory: "true" }, "mandatory"],
  [{ delay_ms: -1 }, "delay_ms"],
  [{ delay_ms: 0.5 }, "delay_ms"],
  [{ delay_ms: 1e15 }, "delay_ms"],
  [{ deliver_at: "2026-01-01" }, "deliver_at"],
  [{ deliver_at: 1e15 }, "deliver_at"],
  [{ priority: 10 }, "priority"],
  [{ priority: -1 }, "priority"],
  [{ ttl_ms: "1" }, "ttl_ms"],
  [{ content_type: "a\nb" }, "content_type"],
  [{ keys: "a" }, "keys"],
  [{ Body: 1 }, "Body"],
];

describe("what cannot be right", () => {
  test.each(wrongMembers)("%p", (members, field) => {
    const text = JSON.stringify({ body: 1, ...members });
    expect(refusal(text)).toMatchObject(["badRequest", field, expect.stringContaining(field)]);
    // In a batch it is alone with it.
    expect(read(`{"events":[{"body":1},${text},{"body":2}]}`)).toEqual([
      { ...plain, body: "1" },
      expect.stringContaining(`wrong: ${field}: `),
      { ...plain, body: "2" },
    ]);
    // The document refuses it too.
    expect(eventSchema.safeParse(JSON.parse(text)).success).toBe(false);
  });

  test.each([
    [{}, "body", "body is missing"],
    [{ body: 1, b64body: "" }, "b64body", "b64body cannot be together with body"],
    [
      { body: 1, delay_ms: 1, deliver_at: 1 },
      "deliver_at",
      "deliver_at cannot be together with delay_ms",
    ],
    [
      { body: 1, content_type: "text/plain" },
      "content_type",
      "content_type goes with b64body: body is application/json",
    ],
    [{ b64body: "?" }, "b64body", "b64body must be base64 in the standard alphabet with padding"],
    [{ b64body: 5 }, "b64body", "b64body must be base64 in the standard alphabet with padding"],
    [{ body: 1, headrs: {} }, "headrs", "headrs is unknown; did you mean headers?"],
  ])("%p", (event, field, message) => {
    expect(refusal(JSON.stringify(event))).toEqual(["badRequest", field, message]);
  });

  test.each([
    ["", "body"],
    ["{", undefined],
    ["[]", undefined],
    ["null", undefined],
    ['{"body":1}{}', undefined],
    ['{"events":[]}', "events"],
    ['{"events":{}}', "events"],
    ['{"events":null}', "events"],
    ['{"events":[{"body":1}],"key":"a"}', "key"],
    [`{"events":[${"1,".repeat(mostEvents)}1]}`, "events"],
  ])("the request as a whole: %#", (text, field) => {
    expect(refusal(text)).toMatchObject(["badRequest", field, expect.anything()]);
  });

  test("elements of a batch that are no objects are alone with it", () => {
    const alone = "wrong: undefined: an event must be a JSON object";
    expect(read('{"events":[1,null,[{"body":1}],{"body":2}]}')).toEqual([
      alone,
      alone,
      alone,
      { ...plain, body: "2" },
    ]);
  });
});

test("members that are right by hand are right in the document", () => {
  for (const event of [
    { body: null },
    { b64body: "AP8B", content_type: "image/png" },
    { body: 1, key: "", headers: { a: "é", b: 2 ** 53 - 1, c: -0.5, d: false }, id: "i" },
    { body: 1, mandatory: true, delay_ms: 0, priority: 9, ttl_ms: 0 },
    { body: 1, deliver_at: 0, key: "x".repeat(255) },
  ]) {
    expect(read(JSON.stringify(event))).toEqual([expect.objectContaining({ exchange: "x" })]);
    expect(eventSchema.safeParse(event).error).toBeUndefined();
  }
});

test("a batch keeps the place of each event, to send it back as it came", () => {
  const text = ' {"events" : [ {"body":1} ,{ "body":[2]}]}';
  const { events } = readEvents(text, "x");
  expect(events.map(({ start, end }) => text.slice(start, end))).toEqual([
    '{"body":1}',
    '{ "body":[2]}',
  ]);
});
