import { expect, test } from "bun:test";
import { findImports } from "./imports.ts";

const specifiers = (source: string, loader: "ts" | "tsx" = "ts") =>
  findImports(source, loader).map(
    ({ specifier, typeOnly }) => `${typeOnly ? "type " : ""}${specifier}`,
  );

test("every form of import is found, and told apart from types", () => {
  const source = `
    import "./bare.ts";
    import one, { two as three } from "./value.ts";
    import * as all from './namespace.ts';
    import type { Four } from "./type.ts";
    import type Five from "./type-default.ts";
    import type from "./named-type.ts";
    import { type Six } from "./inline-type.ts";
    export { seven } from "./re-export.ts";
    export * from "./star.ts";
    export type { Eight } from "./re-exported-type.ts";
    import {
      // a comment with "quotes" and from
      nine,
    } from "./many-lines.ts";
    type Ten = import("./in-a-type.ts").Ten;
    const eleven = await import("./dynamic.ts");
    const twelve = require("./required.cjs");
    console.log(one, three, all, type, seven, nine, eleven, twelve);
  `;
  expect(specifiers(source)).toEqual([
    "./bare.ts",
    "./value.ts",
    "./namespace.ts",
    "type ./type.ts",
    "type ./type-default.ts",
    "./named-type.ts",
    "./inline-type.ts",
    "./re-export.ts",
    "./star.ts",
    "type ./re-exported-type.ts",
    "./many-lines.ts",
    "type ./in-a-type.ts",
    "./dynamic.ts",
    "./required.cjs",
  ]);
});

test("what only looks like an import is none, and does not hide the next one", () => {
  const source = [
    `// import "./comment.ts";`,
    `/* import "./block.ts"; */`,
    `const text = "import './text.ts'";`,
    "const template = `import './template.ts' ${`${text} }`} from './x.ts'`;",
    `const expression = /["'\`/*]import "/.test(text) ? 4 / 2 / 1 : /[/"]/;`,
    `export type Alias = "./alias.ts";`,
    `export default "./value.ts";`,
    `loader.import("./method.ts");`,
    `import type { Last } from "./last.ts";`,
  ].join("\n");
  expect(findImports(source, "ts")).toEqual([{ specifier: "./last.ts", typeOnly: true, line: 9 }]);
});

test("an apostrophe in JSX text does not hide what follows", () => {
  const source = `const a = <p>don't</p>;\nimport type { B } from "./b.ts";\nconst c = <i>it's</i>;`;
  expect(specifiers(source, "tsx")).toContain("type ./b.ts");
});
