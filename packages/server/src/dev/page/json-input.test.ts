import { expect, test } from "bun:test";
import { parseJsonInput } from "./json-input.ts";

test.each(['{"a": [1, null]}', "1", '"text"', " true "])("%s can be published", (text) => {
  expect(parseJsonInput(text)).toEqual({ ok: true, data: JSON.parse(text) });
});

test.each(["{", "hello", "{'a': 1}", "1 2"])("%s is told not to be JSON", (text) => {
  const input = parseJsonInput(text);
  expect(input).toEqual({ ok: false, problem: expect.stringMatching(/^This is not JSON: ./) });
});

test.each(["", " \n "])("nothing (%j) is told to be nothing", (text) => {
  expect(parseJsonInput(text)).toEqual({
    ok: false,
    problem: expect.stringContaining("Nothing to publish"),
  });
});
