import { expect, test } from "bun:test";
import { Counter, Registry } from "prom-client";
import { LabelCounter } from "./label-counter.ts";

const described = { name: "things_total", help: "Things." };

test("its text is that of prom-client's own, whenever it is read", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const counter = new LabelCounter({ ...described, registry: ours, label: "kind" });
  const reference = new Counter({ ...described, registers: [theirs], labelNames: ["kind"] });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  for (const [kind, count] of [
    ["b", 1],
    ["a", 2],
    ["b", 40],
    ["c", 0],
  ] as const) {
    counter.add(kind, count);
    reference.inc({ kind }, count);
    expect(await ours.metrics()).toBe(await theirs.metrics());
  }
  counter.add("a");
  expect(await ours.metrics()).toContain('things_total{kind="a"} 3\n');
});
