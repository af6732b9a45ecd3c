import { expect, spyOn, test } from "bun:test";
import { createLog } from "./log.ts";

function captured(run: () => void): string {
  const lines: string[] = [];
  const spy = spyOn(process.stderr, "write").mockImplementation((line) => {
    lines.push(String(line));
    return true;
  });
  try {
    run();
  } finally {
    spy.mockRestore();
  }
  return lines.join("");
}

test("one JSON object a line, with level, time, message and fields", () => {
  const line = captured(() =>
    createLog({ level: "info", format: "json" }).warn({ client: "c-1" }, "slow"),
  );
  expect(JSON.parse(line)).toEqual({
    level: "warn",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    client: "c-1",
    msg: "slow",
  });
});

test("of an error: type, message, code, stack and causes, and nothing that hangs on it", () => {
  const cause = Object.assign(new Error("refused"), {
    code: "ECONNREFUSED",
    query: "select secret",
  });
  const line = captured(() =>
    createLog({ level: "info", format: "json" }).error(
      { err: new Error("no store", { cause }) },
      "failed",
    ),
  );
  expect(JSON.parse(line)).toMatchObject({
    err: {
      type: "Error",
      message: "no store",
      cause: { type: "Error", message: "refused", code: "ECONNREFUSED" },
    },
  });
  expect(line).not.toContain("select secret");
});

test("below the level nothing is written", () => {
  expect(captured(() => createLog({ level: "warn", format: "json" }).info({}, "quiet"))).toBe("");
});

test("lines for people hold the same", () => {
  const line = captured(() =>
    createLog({ level: "info", format: "pretty" }).info({ client: "c-1", n: 2 }, "connected"),
  );
  expect(line).toContain("connected");
  expect(line).toContain("client=c-1");
  expect(line).toContain("n=2");
});

test("a cause is told like an error, by itself too", () => {
  const told = (fields: Readonly<Record<string, unknown>>): unknown => {
    const line = captured(() => createLog({ level: "info", format: "json" }).error(fields, "x"));
    const { cause } = JSON.parse(line) as { readonly cause?: unknown };
    return cause;
  };
  expect(told({ cause: new TypeError("no") })).toMatchObject({ type: "TypeError", message: "no" });
  expect(told({ cause: "said so" })).toEqual({ message: "said so" });
  expect(told({ cause: undefined })).toBeUndefined();
});
