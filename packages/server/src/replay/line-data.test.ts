import { expect, test } from "bun:test";
import { oddities } from "./harness/oddities.ts";
import { lineDataOf } from "./line-data.ts";

const numberColumns = new Set(["Quantity", "UnitPrice"]);

test("keeps every character of the file", () => {
  const dataOf = lineDataOf({ columns: oddities.columns, numberColumns, lineMember: "line" });
  const rest = (date: string): string => `"InvoiceDate":"03-02-11 ${date}"`;
  expect(
    oddities.lines.map((values, index) => String(dataOf({ line: index + 1, values, endByte: 0 }))),
  ).toEqual([
    `{"line":1,"InvoiceNo":"900001","StockCode":"10001A","Description":"PLAIN TIN","Quantity":6,${rest("8:05")},"UnitPrice":2.10,"CustomerID":"70001","Country":"Norway"}`,
    `{"line":2,"InvoiceNo":"900001","StockCode":"10002","Description":"TRAY, ROUND ","Quantity":12,${rest("8:05")},"UnitPrice":0.5,"CustomerID":"70001","Country":"Norway"}`,
    `{"line":3,"InvoiceNo":"900002","StockCode":"10003","Description":"SIGN \\"OPEN\\" 7\\"","Quantity":1,${rest("9:41")},"UnitPrice":18,"CustomerID":null,"Country":"Côte d'Azur"}`,
    `{"line":4,"InvoiceNo":"C900003","StockCode":"10001A","Description":"PLAIN TIN","Quantity":-6,${rest("10:00")},"UnitPrice":2.10,"CustomerID":"70001","Country":"Norway"}`,
    `{"line":5,"InvoiceNo":"900004","StockCode":"10004","Description":null,"Quantity":56,${rest("10:00")},"UnitPrice":0,"CustomerID":null,"Country":"United Kingdom"}`,
    `{"line":6,"InvoiceNo":"900005","StockCode":"10005","Description":"TWO\\r\\nLINES","Quantity":1,${rest("9:59")},"UnitPrice":"12345678901234567890.5","CustomerID":"70002","Country":"EIRE/2"}`,
    `{"line":7,"InvoiceNo":"900006","StockCode":"007","Description":"BOX  WITH  GAPS","Quantity":"1e3",${rest("23:59")},"UnitPrice":"-0","CustomerID":"70003","Country":"United Kingdom"}`,
  ]);
});

test.each([
  ["0", "0"],
  ["-1.50", "-1.50"],
  ["123456789012345", "123456789012345"],
  ["1234567890123456", '"1234567890123456"'],
  ["0.000123456789012345", "0.000123456789012345"],
  ["9007199254740993", '"9007199254740993"'],
  ["007", '"007"'],
  ["1.", '"1."'],
  [".5", '".5"'],
  ["+1", '"+1"'],
  [" 1", '" 1"'],
  ["-0.00", '"-0.00"'],
  ["NaN", '"NaN"'],
  ["", "null"],
])("writes the number %p as %s", (value, expected) => {
  const dataOf = lineDataOf({ columns: ["N"], numberColumns: new Set(["N"]), lineMember: "line" });
  expect(String(dataOf({ line: 1, values: [value], endByte: 0 }))).toBe(
    `{"line":1,"N":${expected}}`,
  );
});

test("gives the number of the line another name, and refuses one that is a column", () => {
  const options = { columns: ["line"], numberColumns: new Set<string>() };
  expect(() => lineDataOf({ ...options, lineMember: "line" })).toThrow(
    "The file has a column line: give another name for the number of the line with --line-member",
  );
  expect(
    String(
      lineDataOf({ ...options, lineMember: "number" })({ line: 4, values: ["x"], endByte: 0 }),
    ),
  ).toBe('{"number":4,"line":"x"}');
});
