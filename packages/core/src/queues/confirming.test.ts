import { expect, test } from "bun:test";
import {
  type FaultyQueueStore,
  FakeClock,
  InMemoryBrokerDatabase,
  SeededRandom,
  withQueueStoreFaults,
} from "@switchyard/testkit";
import type { PublishEventOutcome } from "./broker-operations.ts";
import { settled } from "./harness/settled.ts";
import {
  createTestBroker,
  eventTo,
  queueNamed,
  RecordingSink,
  type TestBrokerOptions,
} from "./harness/test-broker.ts";

/** A started broker with the queues "q" (durable) and "t" (transient), behind a store that fails when told to. */
async function createFaulty(options: TestBrokerOptions = {}) {
  const clock = new FakeClock();
  const database = new InMemoryBrokerDatabase(clock);
  let faulty: FaultyQueueStore | undefined;
  const created = createTestBroker({
    ...{ clock, database, ...options },
    wrap: (inner) => (faulty = withQueueStoreFaults(inner, new SeededRandom(1), { clock })),
  });
  await created.broker.start();
  await created.broker.declareQueue(queueNamed("q"));
  await created.broker.declareQueue(queueNamed("t", { durable: false }));
  if (!faulty) throw new Error("the store was not wrapped");
  return { ...created, store: faulty };
}

function told(outcomes: readonly PublishEventOutcome[]): string[] {
  return outcomes.map((outcome) => {
    if (outcome.kind === "failed") return "kind" in outcome.error ? String(outcome.error.kind) : "";
    return outcome.kind === "confirmed" && outcome.duplicate ? "duplicate" : outcome.kind;
  });
}

test("nothing is confirmed before its commit; what is sent again is stored once", async () => {
  const { broker, store, clock, database } = await createFaulty();
  store.faultNextFlushes("lost", "stuck", "refused");
  let outcomes: string[] | undefined;
  const publishing = broker.publish([eventTo("q", 1)], "p").then((answer) => {
    outcomes = told(answer);
  });
  await settled();
  expect(outcomes).toBeUndefined();
  await clock.advance(1_000);
  await publishing;
  expect(outcomes).toEqual(["confirmed"]);
  await store.releaseStuck();
  const { id = 0 } = database.queues.get("q") ?? {};
  expect(database.durable.state(id)).toEqual([{ lane: 9, messages: 1, bytes: 1 }]);
  expect(broker.counters()).toMatchObject({ flushRetries: 3, pendingBytes: 0, published: 1 });
});

test("with the store away a publisher waits as long as it is told to, whoever asked before", async () => {
  const { broker, store, clock } = await createFaulty({ confirmTimeoutMs: 1_000 });
  store.goAway();
  const answers: string[] = [];
  const publish = (name: string): void => {
    void broker.publish([eventTo("q", 1)], "p").then((outcomes) => {
      answers.push(`${name} ${told(outcomes).join()}`);
    });
  };
  publish("first");
  await clock.advance(900);
  publish("second");
  await clock.advance(100);
  expect(answers).toEqual(["first storeUnavailable"]);
  publish("third");
  store.comeBack();
  await clock.advance(800);
  expect(answers).toEqual(["first storeUnavailable", "second confirmed", "third confirmed"]);
  expect(broker.queue("q").ready).toBe(3);
});

test("beyond the bound of what is on its way events are refused, and taken again after", async () => {
  const { broker, store, clock } = await createFaulty({ maxPendingBytes: 1_000 });
  store.goAway();
  const publishing = Array.from({ length: 8 }, (_, index) =>
    broker.publish([eventTo("q", index)], "p"),
  );
  await settled();
  const pending = broker.counters().pendingBytes;
  expect(pending).toBeGreaterThan(1_000);
  store.comeBack();
  await clock.advance(2_000);
  const outcomes = (await Promise.all(publishing)).flatMap(told);
  expect(new Set(outcomes)).toEqual(new Set(["confirmed", "tooManyRequests"]));
  expect(outcomes.indexOf("tooManyRequests")).toBe(outcomes.lastIndexOf("confirmed") + 1);
  expect(broker.counters().pendingBytes).toBe(0);
  expect(told(await broker.publish([eventTo("q", 9)], "p"))).toEqual(["confirmed"]);
});

test("of a flush that the store cannot hold only that which is wrong is refused; order and counts stay", async () => {
  const { broker, clock } = await createFaulty();
  const bad = createTestBroker({
    ...{ clock },
    wrap: (inner) => ({
      ...withQueueStoreFaults(inner, new SeededRandom(1), { clock }),
      flush: (flush) => {
        const isBad = flush.durable.inserted.some(({ event }) => event.body === "666");
        return isBad ? Promise.reject(new Error("cannot be stored")) : inner.flush(flush);
      },
    }),
  });
  await broker.stop();
  await bad.broker.start();
  await bad.broker.declareQueue(queueNamed("q"));
  const events = [1, 666, 2, 3].map((body) => eventTo("q", body));
  const outcomes = told(await bad.broker.publish(events, "p"));
  expect(outcomes).toEqual(["confirmed", "internal", "confirmed", "confirmed"]);
  const sink = new RecordingSink();
  bad.broker.consume({ queue: "q", prefetch: 9, connection: "c" }, sink);
  await settled();
  expect(sink.bodies).toEqual([1, 2, 3]);
  expect(bad.broker.counters().pendingBytes).toBe(0);
});

test("an id is stored once per exchange and publisher, also while the first one is on its way", async () => {
  const { broker, store, clock } = await createFaulty({ idWindowMs: 60_000 });
  store.faultNextFlushes("lost");
  const again = (publisher: string) => broker.publish([eventTo("q", 1, { id: "a" })], publisher);
  const publishing = [again("p"), again("p"), again("other")];
  await clock.advance(100);
  expect((await Promise.all(publishing)).flatMap(told)).toEqual([
    "confirmed",
    "duplicate",
    "confirmed",
  ]);
  expect(told(await again("p"))).toEqual(["duplicate"]);
  expect(broker.queue("q").ready).toBe(2);
  expect(broker.counters()).toMatchObject({ published: 2, duplicates: 2 });
  await clock.advance(60_000);
  expect(told(await again("p"))).toEqual(["confirmed"]);
});

test("after a takeover the former process confirms, delivers and settles nothing more", async () => {
  const { broker, clock, database } = await createFaulty();
  await broker.publish([eventTo("q", 1), eventTo("q", 2)], "p");
  const sink = new RecordingSink();
  const consumer = broker.consume({ queue: "q", prefetch: 1, connection: "c" }, sink);
  await settled();
  const next = createTestBroker({ database, clock });
  await next.broker.start();
  expect(told(await broker.publish([eventTo("q", 3)], "p"))).toEqual(["storeUnavailable"]);
  const { committed } = consumer.settle([1], { type: "ack" });
  await expect(committed).rejects.toThrow("does not write");
  expect(sink.bodies).toEqual([1]);
  await expect(broker.check()).rejects.toThrow("Another process");
  const other = new RecordingSink();
  next.broker.consume({ queue: "q", prefetch: 9, connection: "c" }, other);
  await settled();
  expect(other.deliveries.map(({ redelivered }) => redelivered)).toEqual([true, true]);
  expect(other.bodies).toEqual([1, 2]);
});

test("without a lease nothing is delivered; with it again everything goes on by itself", async () => {
  const { broker, store, clock } = await createFaulty({ leaseMs: 3_000 });
  await broker.publish([eventTo("q", 1), eventTo("q", 2)], "p");
  const sink = new RecordingSink();
  const consumer = broker.consume({ queue: "q", prefetch: 1, connection: "c" }, sink);
  await settled();
  store.goAway();
  await clock.advance(4_000);
  consumer.settle([1], { type: "ack" });
  await settled();
  expect(sink.bodies).toEqual([1]);
  await expect(broker.check()).rejects.toThrow("lease");
  store.comeBack();
  await clock.advance(2_000);
  expect(sink.bodies).toEqual([1, 2]);
  await broker.check();
});

test("transient messages that PostgreSQL has lost are counted, and their consumers told; durable ones stay", async () => {
  const { broker, database, clock } = await createFaulty();
  const both = (body: number) => broker.publish([eventTo("q", body), eventTo("t", body)], "p");
  await both(1);
  await both(2);
  await broker.publish([eventTo("t", 3, { delayMs: 500 })], "p");
  const sink = new RecordingSink();
  const consumer = broker.consume({ queue: "t", prefetch: 1, connection: "c" }, sink);
  await settled();
  database.wipeTransient();
  await both(4);
  expect(sink.reasons.join()).toContain("were lost");
  expect(consumer.settle([1], { type: "ack" }).unknownTags).toEqual([1]);
  expect(broker.counters().wiped).toBe(3);
  await clock.advance(1_000);
  expect(broker.queue("t")).toMatchObject({ ready: 1, unsettled: 0, delayed: 0 });
  expect(broker.queue("q").ready).toBe(3);
});

test("a drained broker has committed all it took, and takes nothing more; a stopped one leaves no timer", async () => {
  const { broker, store, clock } = await createFaulty();
  store.faultNextFlushes("refused");
  const publishing = broker.publish([eventTo("q", 1)], "p");
  const draining = broker.drain();
  await expect(broker.publish([eventTo("q", 2)], "p")).rejects.toThrow("shutting down");
  await clock.advance(100);
  await draining;
  expect(told(await publishing)).toEqual(["confirmed"]);
  await broker.stop();
  await settled();
  expect(clock.pending).toBe(0);
});
