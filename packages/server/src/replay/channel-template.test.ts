import { expect, test } from "bun:test";
import { parseChannelTemplate } from "./channel-template.ts";

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
