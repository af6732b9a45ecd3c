import { describe, expect, test } from "bun:test";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed, RecordingSink } from "./harness/test-broker.ts";
import type { Consumer, Settlement } from "./broker-operations.ts";
import type { QueueDefinition } from "../ports/topology-store.ts";

const requeue: Settlement = { type: "nack", requeue: true, delayMs: undefined };

async function createQueue(events: number, more: Partial<QueueDefinition> = {}) {
  const test = createTestBroker();
  await test.broker.start();
  await test.broker.declareQueue(queueNamed("q", more));
  const bodies = Array.from({ length: events }, (_, index) => index + 1);
  await test.broker.publish(
    bodies.map((body) => eventTo("q", body)),
    "publisher",
  );
  const consume = (prefetch = 100): { sink: RecordingSink; consumer: Consumer } => {
    const sink = new RecordingSink();
    const request = { queue: "q", prefetch, connection: "connection" };
    return { sink, consumer: test.broker.consume(request, sink) };
  };
  return { ...test, consume };
}

function seen(sink: RecordingSink): unknown[] {
  return sink.deliveries.map(({ redelivered, attempt }, index) => [
    sink.bodies[index],
    redelivered,
    attempt,
  ]);
}

describe("who fails, and how that counts", () => {
  test("a nack brings the message back at once, in its old place, flagged", async () => {
    const { consume, broker } = await createQueue(3);
    const { sink, consumer } = consume();
    await settled();
    await consumer.settle([1], requeue).committed;
    expect(seen(sink)).toEqual([
      [1, false, 1],
      [2, false, 1],
      [3, false, 1],
      [1, true, 2],
    ]);
    expect(broker.queue("q")).toMatchObject({ ready: 0, unsettled: 3 });
  });

  test("a connection's end returns what it had, in order, to the next one", async () => {
    const { consume } = await createQueue(3);
    const first = consume();
    await settled();
    await first.consumer.settle([2], { type: "ack" }).committed;
    first.consumer.close();
    first.consumer.close();
    const second = consume();
    await settled();
    expect(seen(second.sink)).toEqual([
      [1, true, 2],
      [3, true, 2],
    ]);
  });

  test("a lease that runs out counts; one that is extended does not", async () => {
    const { broker, clock, consume } = await createQueue(2);
    const { signal } = new AbortController();
    const pulled = await broker.pull("q", { max: 2, waitMs: 0, leaseMs: 1_000, signal });
    const [first, second] = pulled.map(({ receipt }) => receipt);
    expect(await broker.extendReceipts("q", [second ?? ""], 5_000)).toEqual(["settled"]);
    await clock.advance(1_000);
    const { sink } = consume();
    await settled();
    expect(seen(sink)).toEqual([[1, true, 2]]);
    const outcomes = await broker.settleReceipts("q", [first ?? "", second ?? ""], {
      type: "ack",
    });
    expect(outcomes).toEqual(["unknown", "settled"]);
  });

  test("a restart flags what may have been delivered, and counts no attempt", async () => {
    const first = await createQueue(2);
    first.consume();
    await settled();
    await first.broker.drain();
    await first.broker.stop();
    const { database, clock } = first;
    const second = createTestBroker({ database, clock });
    await second.broker.start();
    const sink = new RecordingSink();
    second.broker.consume({ queue: "q", prefetch: 9, connection: "c" }, sink);
    await second.broker.publish([eventTo("q", 3)], "publisher");
    await settled();
    expect(seen(sink)).toEqual([
      [1, true, 1],
      [2, true, 1],
      [3, false, 1],
    ]);
  });

  test("consumers that end while the node drains have not failed", async () => {
    const { broker, database, clock, consume } = await createQueue(1, { maxAttempts: 1 });
    const { consumer } = consume();
    await settled();
    const drained = broker.drain();
    consumer.close();
    await drained;
    await broker.stop();
    const next = createTestBroker({ database, clock });
    await next.broker.start();
    expect(next.broker.queue("q").ready).toBe(1);
    expect(next.broker.queue("switchyard.dead-letters").ready).toBe(0);
  });

  test("a delay, by the nack or by the queue's retry, keeps the message away as long", async () => {
    const retry = { initialMs: 100, maximumMs: 150, jitter: 0 };
    const { broker, clock, consume } = await createQueue(1, { retry });
    const { sink, consumer } = consume();
    await settled();
    for (const [tag, delayMs, waitMs] of [
      [1, undefined, 100],
      [2, 40, 40],
      [3, undefined, 150],
    ] as const) {
      await consumer.settle([tag], { ...requeue, delayMs }).committed;
      expect(broker.queue("q")).toMatchObject({ delayed: 1, ready: 0, unsettled: 0 });
      await clock.advance(waitMs - 1);
      expect(sink.deliveries).toHaveLength(tag);
      await clock.advance(1);
      await settled();
      expect(sink.deliveries).toHaveLength(tag + 1);
    }
    expect(seen(sink).at(-1)).toEqual([1, true, 4]);
  });
});

test("unknown and repeated tags settle nothing and are told", async () => {
  const { consume, broker } = await createQueue(2);
  const { consumer } = consume();
  await settled();
  const { unknownTags, committed } = consumer.settle([1, 1, 7], { type: "ack" });
  expect(unknownTags).toEqual([1, 7]);
  await committed;
  expect(broker.queue("q").unsettled).toBe(1);
});

test("deliveries pause without room and go on with it, 64 of them between two looks", async () => {
  const { consume } = await createQueue(200);
  const { sink, consumer } = consume(5_000);
  sink.deliver = (deliveries) => {
    sink.deliveries.push(...deliveries);
    sink.room = false;
  };
  await settled();
  expect(sink.deliveries).toHaveLength(64);
  sink.room = true;
  consumer.resume();
  await settled();
  expect(sink.deliveries).toHaveLength(128);
});

test("several consumers take turns; a single active one has all until it goes", async () => {
  const shared = await createQueue(4);
  const sinks = [shared.consume().sink, shared.consume().sink];
  await settled();
  expect(sinks.map(({ bodies }) => bodies)).toEqual([
    [1, 3],
    [2, 4],
  ]);
  const single = await createQueue(2, { singleActiveConsumer: true });
  const [first, second] = [single.consume(1), single.consume()];
  await settled();
  expect([first.sink.bodies, second.sink.bodies]).toEqual([[1], []]);
  const { signal } = new AbortController();
  const pulling = single.broker.pull("q", { max: 1, waitMs: 10, leaseMs: 10, signal });
  await single.clock.advance(10);
  expect(await pulling).toEqual([]);
  first.consumer.close();
  await settled();
  expect(seen(second.sink)).toEqual([
    [1, true, 2],
    [2, false, 1],
  ]);
});

test("the most urgent first, and in order among equals", async () => {
  const { broker, consume } = await createQueue(0);
  const events = [
    [1, 0],
    [2, 9],
    [3, 4],
    [4, 9],
    [5, 0],
  ] as const;
  await broker.publish(
    events.map(([body, priority]) => eventTo("q", body, { priority })),
    "publisher",
  );
  const { sink } = consume();
  await settled();
  expect(sink.bodies).toEqual([2, 4, 3, 1, 5]);
});
