import { expect, test } from "bun:test";
import { parseChannelTemplate } from "./channel-template.ts";
import { percentEncode } from "./percent-encode.ts";

const columns = ["Country", "Customer ID", "StockCode"];

test.each([
  ["inventory:all", ["x", "y", "z"], "inventory:all"],
  ["inventory:{Country}", ["United Kingdom", "", ""], "inventory:United%20Kingdom"],
  ["{Country}:{StockCode}.{Country}", ["EIRE", "", "85123A"], "EIRE:85123A.EIRE"],
  ["c:{Customer ID}", ["", "", ""], "c:"],
  ["a:{{{Country}}}", ["{b}", "", ""], "a:{%7Bb%7D}"],
  ["a:{{Country}}", ["b", "", ""], "a:{Country}"],
  ["a:100%", ["b", "", ""], "a:100%"],
])("%s", (template, values, expected) => {
  expect(parseChannelTemplate(template, columns)(values)).toBe(expected);
});

test.each([
  ["", "--channel is empty"],
  ["a:{Country", "a { stands alone"],
  ["a:Country}", "a } stands alone"],
  ["a:{Cou{ntry}", "a { stands alone"],
  [
    "a:{country}",
    "the file has no column country. Did you mean Country? Its columns: Country, Customer ID, StockCode",
  ],
  ["a:{}", "the file has no column without a name. Its columns: Country, Customer ID, StockCode"],
])("refuses %p", (template, message) => {
  expect(() => parseChannelTemplate(template, columns)).toThrow(message);
});

test.each([
  ["AZaz09_.-", "AZaz09_.-"],
  ["a b", "a%20b"],
  ["!'()*~", "%21%27%28%29%2A%7E"],
  [":#$,/%{}", "%3A%23%24%2C%2F%25%7B%7D"],
  ["é€😀", "%C3%A9%E2%82%AC%F0%9F%98%80"],
  ["\n\0", "%0A%00"],
])("encodes %p", (value, expected) => {
  expect(percentEncode(value)).toBe(expected);
  expect(decodeURIComponent(percentEncode(value))).toBe(value);
});
