import { afterAll, beforeAll, expect, test } from "bun:test";
import { fuzzSeeds } from "@switchyard/testkit";
import { controls, runControl } from "./controls.ts";
import { faultNames } from "./faults/fault.ts";
import { renderReport } from "./report.ts";
import { runQueues } from "./run-queues.ts";
import { DatabaseServer } from "./world/database-server.ts";

let database: DatabaseServer;

beforeAll(async () => {
  database = await DatabaseServer.start();
}, 60_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
}, 30_000);

for (const seed of fuzzSeeds(1)) {
  test(`queues keep what they promise while everything around them breaks (seed ${seed})`, async () => {
    const report = await runQueues({
      database,
      name: "chaos",
      seed,
      seconds: 20,
      faults: faultNames,
      quietMs: 1_000,
    });
    if (report.violations.length > 0) process.stdout.write(`${report.log}\n`);
    process.stdout.write(renderReport(report));
    expect(report.violations).toEqual([]);
    expect(new Set(report.faults.map(({ fault }) => fault))).toEqual(new Set(faultNames));
  });

  for (const [index, control] of controls.entries()) {
    test(`control: ${control.plantedBug} is caught (seed ${seed})`, async () => {
      const { report, isCaught } = await runControl(control, {
        database,
        name: `control${index}`,
        seed,
      });
      if (!isCaught) process.stdout.write(renderReport(report));
      expect(isCaught).toBe(true);
    });
  }
}
