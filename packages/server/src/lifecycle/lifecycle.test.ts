import { expect, test } from "bun:test";
import { RecordingLog } from "@switchyard/testkit";
import type { Component } from "./component.ts";
import { Lifecycle } from "./lifecycle.ts";
import { reasonOf, StopError } from "./stop-error.ts";

function recorder(): {
  readonly steps: string[];
  readonly part: (name: string, fails?: string) => Component;
} {
  const steps: string[] = [];
  return {
    steps,
    part: (name, fails) => {
      const step = async (what: string): Promise<void> => {
        steps.push(`${what} ${name}`);
        if (fails === what) throw new Error(`${name} cannot ${what}`);
      };
      return {
        name,
        start: () => step("start"),
        drain: () => step("drain"),
        stop: () => step("stop"),
      };
    },
  };
}

test("starts in order; drains all in reverse before it stops any", async () => {
  const { steps, part } = recorder();
  const lifecycle = new Lifecycle([part("a"), part("b")], new RecordingLog());
  await lifecycle.start();
  await lifecycle.stop(1_000);
  expect(steps).toEqual(["start a", "start b", "drain b", "drain a", "stop b", "stop a"]);
});

test("ends what has started when a later part cannot start", async () => {
  const { steps, part } = recorder();
  const lifecycle = new Lifecycle([part("a"), part("b", "start"), part("c")], new RecordingLog());
  const error: unknown = await lifecycle.start().catch((thrown: unknown) => thrown);
  expect(String(error)).toBe("Error: b cannot start");
  expect(steps).toEqual(["start a", "start b", "drain a", "stop a"]);
});

test("attempts every step and gathers the errors", async () => {
  const { steps, part } = recorder();
  const log = new RecordingLog();
  const lifecycle = new Lifecycle([part("a", "stop"), part("b", "drain")], log);
  await lifecycle.start();
  const error: unknown = await lifecycle.stop(1_000).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StopError);
  expect(String(error instanceof StopError && error.errors.map(String))).toBe(
    "Error: b cannot drain,Error: a cannot stop",
  );
  expect(error).toHaveProperty(
    "message",
    "not everything stopped cleanly: b did not drain (b cannot drain); a did not stop (a cannot stop)",
  );
  expect(steps.slice(2)).toEqual(["drain b", "drain a", "stop b", "stop a"]);
  expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(2);
});

test("a drain whose loss is known is told in one line without a stack", async () => {
  const { part } = recorder();
  const log = new RecordingLog();
  const lossy: Component = { ...part("bus", "drain"), drainLoss: "the streams are not kept" };
  const lifecycle = new Lifecycle([lossy], log);
  await lifecycle.start();
  const error: unknown = await lifecycle.stop(1_000).catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty(
    "message",
    "not everything stopped cleanly: bus did not drain (bus cannot drain): the streams are not kept",
  );
  expect(log.lines.filter(({ level }) => level === "error")).toEqual([
    {
      level: "error",
      message: "a component failed to end: the streams are not kept",
      fields: { component: "bus", step: "drain", reason: "bus cannot drain" },
    },
  ]);
});

test("a reason is one line, whatever was thrown", () => {
  const refused = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
  const thrown = [new Error("first line\nsecond line"), refused, new RangeError(""), "text"];
  expect(thrown.map(reasonOf)).toEqual(["first line", "ECONNREFUSED", "RangeError", "text"]);
});

test("a part that hangs costs its time and no more", async () => {
  const { steps, part } = recorder();
  const hanging: Component = {
    name: "hanging",
    start: async () => {},
    stop: () => new Promise(() => {}),
  };
  const lifecycle = new Lifecycle([part("a"), hanging], new RecordingLog());
  await lifecycle.start();
  const error: unknown = await lifecycle.stop(10).catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty(
    "message",
    "not everything stopped cleanly: hanging did not stop (not done in time)",
  );
  expect(steps).toContain("stop a");
});
