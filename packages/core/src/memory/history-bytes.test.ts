import { expect, test } from "bun:test";
import { FakeClock, SeededRandom } from "@switchyard/testkit";
import { trustJsonText } from "@switchyard/protocol";
import { channelName, nodeId } from "../ids.ts";
import { createMemoryBus, type MemoryBus } from "./memory-bus.ts";

const retention = { size: 1_000, ttlMs: 60_000, metaTtlMs: 600_000 };
const options = { retention, idempotency: undefined, version: 0, versionEpoch: "" };
const kilobyte = trustJsonText(`"${"x".repeat(1_022)}"`);

async function started(historyBytes: number): Promise<{ bus: MemoryBus; clock: FakeClock }> {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const bus = createMemoryBus({ clock, random, node: nodeId("n"), historyBytes });
  await bus.start({
    publication: () => {},
    presence: () => {},
    request: () => Promise.reject(new Error("nobody asks")),
  });
  return { bus, clock };
}

async function publish(bus: MemoryBus, channel: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await bus.channels.publish(
      channelName(channel),
      { data: kilobyte, info: undefined, tags: undefined },
      options,
    );
  }
}

async function offsets(bus: MemoryBus, channel: string): Promise<readonly number[]> {
  const { publications } = await bus.channels.history(channelName(channel), {
    since: undefined,
    limit: "all",
    reverse: false,
    retention,
  });
  return publications.map(({ offset }) => offset);
}

test("at the bound the channel that grows forgets its oldest, and others keep theirs", async () => {
  const { bus } = await started(20_000);
  await publish(bus, "quiet", 5);
  await publish(bus, "busy", 100);
  const kept = await offsets(bus, "busy");
  expect(bus.stats().historyBytes).toBeLessThanOrEqual(20_000);
  expect(bus.stats().historyEvictions).toBe(100 - kept.length);
  // One gap-free run up to the top: a recovery from before it fails instead of being short.
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, at) => 101 - kept.length + at));
  expect(kept.length).toBeGreaterThan(5);
  expect(await offsets(bus, "quiet")).toEqual([1, 2, 3, 4, 5]);
  await bus.stop();
});

test("a channel keeps its latest publication even when others hold all there is", async () => {
  const { bus } = await started(10_000);
  await publish(bus, "large", 50);
  await publish(bus, "late", 3);
  expect(await offsets(bus, "late")).toEqual([3]);
  await bus.stop();
});

test("what ends or is removed makes room again", async () => {
  const { bus, clock } = await started(20_000);
  await publish(bus, "a", 10);
  await publish(bus, "b", 3);
  await bus.channels.removeHistory(channelName("a"));
  expect(await offsets(bus, "b")).toEqual([1, 2, 3]);
  await publish(bus, "b", 5);
  expect(bus.stats().historyEvictions).toBe(0);
  await clock.advance(61_000);
  expect(await offsets(bus, "b")).toEqual([]);
  expect(bus.stats().historyBytes).toBe(0);
  await bus.stop();
});

test("without a bound nothing is forgotten", async () => {
  const { bus } = await started(Infinity);
  await publish(bus, "a", 500);
  expect((await offsets(bus, "a")).length).toBe(500);
  expect(bus.stats().historyBytes).toBe(500 * (1_024 + 256));
  await bus.stop();
});
