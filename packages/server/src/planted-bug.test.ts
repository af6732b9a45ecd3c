import { expect, test } from "bun:test";
import { RecordingLog } from "@switchyard/testkit";
import { plantedBugOf } from "./planted-bug.ts";

test("no bug unless the variable names one, and then an error in the log", () => {
  const log = new RecordingLog();
  expect(plantedBugOf({}, log)).toBeUndefined();
  expect(plantedBugOf({ SWITCHYARD_TEST_PLANTED_BUG: "" }, log)).toBeUndefined();
  expect(log.lines).toEqual([]);
  expect(plantedBugOf({ SWITCHYARD_TEST_PLANTED_BUG: "loseUnsettled" }, log)).toBe("loseUnsettled");
  expect(log.lines).toMatchObject([{ level: "error", fields: { bug: "loseUnsettled" } }]);
});

test("a bug that does not exist is refused, naming those that do", () => {
  const env = { SWITCHYARD_TEST_PLANTED_BUG: "forgetAll" };
  expect(() => plantedBugOf(env, new RecordingLog())).toThrow(
    "SWITCHYARD_TEST_PLANTED_BUG is forgetAll, which is none of confirmBeforeCommit, loseUnsettled, retryWithoutLedger",
  );
});
