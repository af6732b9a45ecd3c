import { Hono } from "hono";
import type { Registry } from "prom-client";
import { cpuProfile, heapSnapshot, longestCpuProfileSeconds } from "../telemetry/profiles.ts";

/** Metrics and profiles, for operators only: on the internal port, or behind the API key. */
export function createOperatorRoutes(registry: Registry): Hono {
  const app = new Hono();
  let profiling = false;
  app.get("/metrics", async (context) =>
    context.text(await registry.metrics(), 200, { "Content-Type": registry.contentType }),
  );
  app.post("/debug/heap", (context) => {
    const headers = {
      "Content-Type": "application/json",
      "Content-Disposition": `attachment; filename="switchyard.heapsnapshot"`,
    };
    return context.body(heapSnapshot(), 200, headers);
  });
  app.post("/debug/cpu", async (context) => {
    const seconds = Number(context.req.query("seconds") ?? "10");
    if (!Number.isFinite(seconds) || seconds <= 0 || seconds > longestCpuProfileSeconds) {
      return context.text(`seconds must be above 0 and at most ${longestCpuProfileSeconds}\n`, 400);
    }
    if (profiling) return context.text("a CPU profile is being taken\n", 409);
    profiling = true;
    try {
      const profile = await cpuProfile(seconds, context.req.raw.signal);
      const headers = {
        "Content-Type": "application/json",
        "Content-Disposition": `attachment; filename="switchyard.cpuprofile"`,
      };
      return context.body(profile, 200, headers);
    } finally {
      profiling = false;
    }
  });
  return app;
}
