import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { DatabaseError } from "../database-error.ts";
import { asStoreFault } from "./store-fault.ts";

const withCode = (code: string): Error =>
  Object.assign(new Error("words that say nothing"), { code });

describe("a failed statement", () => {
  test.each([
    ...[
      "08006",
      "25006",
      "28P01",
      "3D000",
      "40001",
      "40P01",
      "53300",
      "55P03",
      "57014",
      "57P01",
      "57P03",
      "58030",
    ],
    ...[
      "CONNECTION_CLOSED",
      "CONNECTION_ENDED",
      "CONNECT_TIMEOUT",
      "ECONNREFUSED",
      "ECONNRESET",
      "EPIPE",
    ],
  ])("%s may be repeated", (code) => {
    const cause = withCode(code);
    expect(asStoreFault(cause)).toMatchObject({ kind: "storeUnavailable", cause });
  });

  test.each(["22021", "22P02", "23505", "54000"])("%s is the value's fault", (code) => {
    expect(asStoreFault(withCode(code)).kind).toBe("badRequest");
  });

  test.each(["42P01", "42501", "21000", "XX001"])("%s is ours", (code) => {
    expect(asStoreFault(withCode(code)).kind).toBe("internal");
  });

  test("a pool that is stopped is a store that is away", () => {
    expect(asStoreFault(new DatabaseError("unreachable", "stopped")).kind).toBe("storeUnavailable");
  });

  test("errors of ours pass, others are internal", () => {
    const refused = new SwitchyardError("badRequest");
    expect(asStoreFault(refused)).toBe(refused);
    expect(asStoreFault(new TypeError("a mistake")).kind).toBe("internal");
  });
});
