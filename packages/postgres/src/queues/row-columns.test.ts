import { expect, test } from "bun:test";
import { NumberColumn, TextColumn } from "./row-columns.ts";

function numbersOf(...values: readonly (number | undefined)[]): string {
  const column = new NumberColumn();
  for (const value of values) column.add(value);
  return column.toParameter();
}

function textsOf(...values: readonly (string | undefined)[]): string | null {
  const column = new TextColumn();
  for (const value of values) column.add(value);
  return column.toParameter();
}

test("numbers are the text of an array, with nulls only before the last value", () => {
  expect(numbersOf()).toBe("{}");
  expect(numbersOf(undefined, undefined)).toBe("{}");
  expect(numbersOf(0)).toBe("{0}");
  expect(numbersOf(1, 2.5, Number.MAX_SAFE_INTEGER)).toBe("{1,2.5,9007199254740991}");
  expect(numbersOf(undefined, undefined, 3, undefined, -4, undefined)).toBe(
    "{NULL,NULL,3,NULL,-4}",
  );
});

test("texts are joined as they are, empty where there is none", () => {
  expect(textsOf()).toBeNull();
  expect(textsOf(undefined, "")).toBeNull();
  expect(textsOf("a", undefined, '{"b":"\\n"}', "")).toBe('a\u001f\u001f{"b":"\\n"}\u001f');
  expect(textsOf(undefined, "a,{}")).toBe("\u001fa,{}");
});

test("what would move the values of other rows is refused", () => {
  expect(() => textsOf("a", "b\u001fc")).toThrow("U+001F");
});
