import { expect, test } from "bun:test";
import { RecordingLog } from "@switchyard/testkit";
import { createHealthRoutes } from "./health-routes.ts";

async function ask(app: ReturnType<typeof createHealthRoutes>, path: string): Promise<unknown> {
  const response = await app.request(path);
  return { status: response.status, body: await response.json() };
}

test("live says that the process answers, whatever its parts do", async () => {
  const checks = [{ name: "store", check: () => Promise.reject(new Error("gone")) }];
  const app = createHealthRoutes({ checks, accepting: () => false, log: new RecordingLog() });
  expect(await ask(app, "/health/live")).toEqual({ status: 200, body: { status: "ok" } });
});

test("ready names the part that does not answer", async () => {
  const log = new RecordingLog();
  const checks = [
    { name: "store", check: () => Promise.reject(new Error("gone")) },
    { name: "bus", check: async () => {} },
  ];
  const app = createHealthRoutes({ checks, accepting: () => true, log });
  expect(await ask(app, "/health/ready")).toEqual({
    status: 503,
    body: { status: "failed", checks: { store: "failed", bus: "ok" } },
  });
  expect(log.lines).toHaveLength(1);
});

test("ready says draining while no connection is taken, and ok otherwise", async () => {
  let accepting = true;
  const checks = [{ name: "bus", check: async () => {} }];
  const app = createHealthRoutes({ checks, accepting: () => accepting, log: new RecordingLog() });
  expect(await ask(app, "/health/ready")).toEqual({
    status: 200,
    body: { status: "ok", checks: { bus: "ok" } },
  });
  accepting = false;
  expect(await ask(app, "/health/ready")).toEqual({
    status: 503,
    body: { status: "draining", checks: { bus: "ok" } },
  });
});

test("many probes at once are one question to each part", async () => {
  let asked = 0;
  const checks = [
    {
      name: "store",
      check: async () => {
        asked += 1;
      },
    },
  ];
  const app = createHealthRoutes({ checks, accepting: () => true, log: new RecordingLog() });
  await Promise.all(Array.from({ length: 50 }, () => ask(app, "/health/ready")));
  expect(asked).toBe(1);
});
