import { expect, test } from "bun:test";
import { checkName } from "./names.ts";

test.each(["a", "orders.placed", "amq", "amqp.x", "x.amq.", "AMQ.x", "é 😀/#*", "x".repeat(255)])(
  "allows %p",
  (name) => {
    expect(checkName(name)).toBeUndefined();
  },
);

test.each([
  ["", "must not be empty"],
  ["x".repeat(256), "must not be longer than 255 characters"],
  ["a\nb", "must not contain control characters"],
  ["a\0", "must not contain control characters"],
  ["a\u0085", "must not contain control characters"],
  ["\ud800", "must be well-formed Unicode"],
  ["amq.topic", 'must not start with "amq.": such names are reserved'],
  ["switchyard.x", 'must not start with "switchyard.": such names are reserved'],
])("refuses %p", (name, problem) => {
  expect(checkName(name)).toBe(problem);
});
