import { expect, test } from "bun:test";
import type { BrokerMeasurement } from "../broker-load/commands.ts";
import { keptUp } from "./broker-session.ts";

const good: BrokerMeasurement = {
  kind: "offered",
  rate: 1_000,
  seconds: 1,
  due: 1_000,
  published: 1_000,
  confirmed: 1_000,
  delivered: 3_000,
  acknowledged: 3_000,
  messagesPerSecond: 990,
  inTimeShare: 1,
  left: 0,
  redelivered: 0,
  refused: 0,
  firstError: undefined,
  confirmMs: { p50: 1, p99: 2, max: 3 },
  deliveryMs: { p50: 1, p99: 2, max: 3 },
  serverCpuSeconds: 0.5,
  storeCpuSeconds: 0.2,
  generatorCpuShare: 0.3,
  otherCpuCores: 0,
};

test("a broker has kept up when all is exact, steady and in time", () => {
  expect(keptUp(good, 3)).toBe(true);
  const bad: Partial<BrokerMeasurement>[] = [
    { confirmed: 999 },
    { delivered: 2_999, acknowledged: 2_999 },
    { delivered: 3_001, acknowledged: 3_001 },
    { acknowledged: 2_999 },
    { left: 1 },
    { redelivered: 1 },
    { refused: 1 },
    { messagesPerSecond: 940 },
    { inTimeShare: 0.98 },
    { deliveryMs: { p50: 1, p99: 1_001, max: 1_001 } },
    { firstError: "closed" },
  ];
  expect(bad.filter((members) => keptUp({ ...good, ...members }, 3))).toEqual([]);
});
