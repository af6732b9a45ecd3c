import { describe, expect, test } from "bun:test";
import { type LoadMeasurement, searchSaturation } from "./load-session.ts";

function measurement(rate: number, inTimeShare: number, otherCpuCores: number): LoadMeasurement {
  return {
    kind: "measured",
    rate,
    seconds: 1,
    publications: rate,
    expectedDeliveries: rate,
    deliveries: rate,
    deliveriesPerSecond: rate * inTimeShare,
    inTimeShare,
    lost: 0,
    duplicated: 0,
    inexactSubscribers: 0,
    closedSubscribers: 0,
    publishErrors: 0,
    firstError: undefined,
    latencyMs: { p50: 1, p99: 2, p999: 3, max: 4 },
    latencySamples: rate,
    serverCpuSeconds: 1,
    generatorCpuShare: 0.5,
    otherCpuCores,
    receivedBytes: 0,
    serverRssPeakBytes: 0,
  };
}

/** Offers to a server of this capacity; the measurements with the given numbers are disturbed, and fail. */
async function search(capacity: number, from: number, disturbed: readonly number[] = []) {
  const offered: number[] = [];
  const session = {
    measure: (rate: number) => {
      const isDisturbed = disturbed.includes(offered.length);
      offered.push(rate);
      return Promise.resolve(
        measurement(rate, rate > capacity || isDisturbed ? 0.5 : 1, isDisturbed ? 1 : 0),
      );
    },
  };
  const told: number[] = [];
  const found = await searchSaturation(session, from, 1, ({ rate }) => told.push(rate));
  expect(told).toEqual(offered);
  return { sustained: found.sustained?.rate, offered, peak: found.peakDeliveriesPerSecond };
}

describe("searchSaturation", () => {
  test("goes up by half until the server fails, then between good and bad", async () => {
    expect(await search(2_700, 1_000)).toEqual({
      sustained: 2_532,
      offered: [1_000, 1_500, 2_250, 3_375, 2_813, 2_532],
      peak: 2_532,
    });
  });

  test("goes down by half until the server keeps up", async () => {
    expect((await search(280, 1_000)).offered).toEqual([1_000, 500, 250, 375, 313, 282]);
  });

  test("says when no rate was kept up with", async () => {
    expect((await search(1, 1_000)).sustained).toBeUndefined();
  });

  test("repeats a failed step that other processes disturbed, and no other", async () => {
    expect((await search(2_700, 2_500, [0])).offered.slice(0, 4)).toEqual([
      2_500, 2_500, 3_750, 3_125,
    ]);
    expect((await search(2_700, 2_500)).offered.slice(0, 3)).toEqual([2_500, 3_750, 3_125]);
  });
});
