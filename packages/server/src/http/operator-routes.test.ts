import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { createHubMetrics } from "../telemetry/metrics.ts";
import { createOperatorRoutes } from "./operator-routes.ts";

test("metrics are Prometheus text with what the hub has reported", async () => {
  const registry = new Registry();
  const metrics = createHubMetrics(registry);
  metrics.connectionOpened("websocket");
  metrics.connectionClosed("websocket", 3012);
  metrics.connectionClosed("websocket", 123_456);
  metrics.delivered("sse", 10, 200, 1.5);
  const response = await createOperatorRoutes(registry).request("/metrics");
  const lines = (await response.text()).split("\n");
  expect(response.headers.get("content-type")).toContain("text/plain");
  expect(lines).toContain('switchyard_connections_opened_total{transport="websocket"} 1');
  expect(lines).toContain(
    'switchyard_connections_closed_total{transport="websocket",code="3012"} 1',
  );
  // Codes come from peers: what is no known one must not make a label of its own.
  expect(lines).toContain(
    'switchyard_connections_closed_total{transport="websocket",code="other"} 1',
  );
  expect(lines).toContain('switchyard_deliveries_total{transport="sse"} 10');
  expect(lines).toContain('switchyard_delivered_bytes_total{transport="sse"} 2000');
  expect(lines).toContain("switchyard_fanout_latency_seconds_count 1");
});

test("a heap snapshot opens in the developer tools", async () => {
  const response = await createOperatorRoutes(new Registry()).request("/debug/heap", {
    method: "POST",
  });
  const snapshot: unknown = await response.json();
  expect(snapshot).toMatchObject({ snapshot: { meta: { node_fields: expect.any(Array) } } });
});

test("a CPU profile holds samples; only one is taken at a time; its length is bounded", async () => {
  const app = createOperatorRoutes(new Registry());
  const first = app.request("/debug/cpu?seconds=0.2", { method: "POST" });
  const second = await app.request("/debug/cpu?seconds=0.2", { method: "POST" });
  expect(second.status).toBe(409);
  const profile: unknown = await (await first).json();
  expect(profile).toMatchObject({ nodes: expect.any(Array), startTime: expect.any(Number) });
  for (const seconds of ["0", "-1", "121", "x"]) {
    const refused = await app.request(`/debug/cpu?seconds=${seconds}`, { method: "POST" });
    expect(refused.status).toBe(400);
  }
});

test("profiles are taken by POST only, so that a link cannot start one", async () => {
  const app = createOperatorRoutes(new Registry());
  expect((await app.request("/debug/heap")).status).toBe(404);
  expect((await app.request("/debug/cpu")).status).toBe(404);
});
