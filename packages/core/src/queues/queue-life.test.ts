import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { QueueDefinition } from "../ports/topology-store.ts";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed, RecordingSink } from "./harness/test-broker.ts";

async function createQueue(more: Partial<QueueDefinition> = {}, windowMessages = 5_000) {
  const created = createTestBroker({ windowMessages });
  const { broker } = created;
  await broker.start();
  await broker.declareQueue(queueNamed("q", more));
  const consume = (connection = "connection") => {
    const sink = new RecordingSink();
    return { sink, consumer: broker.consume({ queue: "q", prefetch: 2, connection }, sink) };
  };
  const publish = (...bodies: number[]) =>
    broker.publish(
      bodies.map((body) => eventTo("q", body)),
      "publisher",
    );
  return { ...created, consume, publish };
}

async function kindOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof SwitchyardError ? error.kind : String(error);
  }
}

const always = { ifEmpty: false, ifUnused: false };

describe("deletion", () => {
  test("takes the messages along, tells consumers, and makes the name free", async () => {
    const { broker, consume, publish, database } = await createQueue();
    await publish(1, 2, 3);
    const { sink, consumer } = consume();
    await settled();
    expect(await broker.deleteQueue("q", always)).toBe(3);
    expect(sink.reasons).toEqual(["the queue has been deleted"]);
    expect(consumer.settle([1], { type: "ack" }).unknownTags).toEqual([1]);
    expect(database.queues.has("q")).toBe(false);
    expect(await publish(4)).toMatchObject([{ kind: "confirmed", routed: 0 }]);
    await broker.declareQueue(queueNamed("q"));
    expect(broker.queue("q")).toMatchObject({ ready: 0, unsettled: 0 });
  });

  test("on conditions: what is on its way is not nothing", async () => {
    const { broker, consume, publish } = await createQueue();
    const publishing = publish(1);
    expect(await kindOf(broker.deleteQueue("q", { ...always, ifEmpty: true }))).toBe(
      "preconditionFailed",
    );
    await publishing;
    const { consumer } = consume();
    expect(await kindOf(broker.deleteQueue("q", { ...always, ifUnused: true }))).toBe(
      "preconditionFailed",
    );
    await settled();
    await consumer.settle([1], { type: "ack" }).committed;
    consumer.close();
    expect(await broker.deleteQueue("q", { ifEmpty: true, ifUnused: true })).toBe(0);
  });

  test("that the store does not hear of at once is finished later; the name is not free until then", async () => {
    const { broker, publish, database, clock } = await createQueue();
    await publish(1);
    database.goAway();
    expect(await kindOf(broker.deleteQueue("q", always))).toBe("storeUnavailable");
    expect(await publish(2)).toMatchObject([{ kind: "confirmed", routed: 0 }]);
    expect(await kindOf(broker.declareQueue(queueNamed("q")))).toBe("storeUnavailable");
    database.comeBack();
    await clock.advance(5_000);
    expect(database.queues.has("q")).toBe(false);
    expect(await broker.declareQueue(queueNamed("q"))).toBe(true);
  });
});

describe("queues that end by themselves", () => {
  test("auto-delete: with the last consumer, not before the first", async () => {
    const { broker, consume, clock } = await createQueue({ autoDelete: true });
    await clock.advance(100_000);
    const [one, two] = [consume(), consume()];
    one.consumer.close();
    await settled();
    expect(broker.queue("q").consumers).toBe(1);
    two.consumer.cancel();
    await settled();
    expect(await kindOf(broker.purgeQueue("q"))).toBe("notFound");
  });

  test("auto-delete: another consumer that comes in time keeps it", async () => {
    const { broker, consume } = await createQueue({ autoDelete: true });
    const { consumer } = consume();
    consumer.close();
    consume();
    await settled();
    expect(broker.queue("q").consumers).toBe(1);
  });

  test("expiry: counts from the last use, whatever that was", async () => {
    const { broker, consume, clock } = await createQueue({ expiresMs: 1_000 });
    const isThere = async (): Promise<boolean> => {
      await settled();
      return broker.queues().some(({ name }) => name === "q");
    };
    await clock.advance(900);
    await broker.declareQueue(queueNamed("q", { expiresMs: 1_000 }));
    await clock.advance(900);
    const { consumer } = consume();
    await clock.advance(5_000);
    consumer.close();
    await clock.advance(900);
    const { signal } = new AbortController();
    void broker.pull("q", { max: 1, waitMs: 0, leaseMs: 1_000, signal });
    await clock.advance(900);
    expect(await isThere()).toBe(true);
    await clock.advance(1_000);
    expect(await isThere()).toBe(false);
    const idle = await createQueue();
    expect(clock.pending).toBe(idle.clock.pending);
  });

  test("exclusive: for its connection alone", async () => {
    const { broker, consume } = await createQueue({ exclusiveTo: "mine" });
    const { signal } = new AbortController();
    expect(() => consume("other")).toThrow("belongs to another connection");
    expect(await kindOf(broker.pull("q", { max: 1, waitMs: 0, leaseMs: 1, signal }))).toBe(
      "resourceLocked",
    );
    consume("mine");
    expect(broker.queue("q").consumers).toBe(1);
  });
});

describe("a backlog beyond the window", () => {
  const bodies = Array.from({ length: 50 }, (_, index) => index + 1);

  test("comes in order, also what was published while it was loaded, and after a restart", async () => {
    const { publish, consume, broker, clock, database } = await createQueue({}, 4);
    await publish(...bodies);
    const { sink, consumer } = consume();
    for (let tag = 1; tag <= 30; tag += 1) {
      await settled(4);
      await consumer.settle([tag], { type: "ack" }).committed;
      if (tag === 10) await publish(51, 52);
    }
    expect(sink.bodies.slice(0, 30)).toEqual(bodies.slice(0, 30));
    await broker.drain();
    await broker.stop();
    const next = createTestBroker({ database, clock, windowMessages: 4 });
    await next.broker.start();
    expect(next.broker.queue("q").ready).toBe(22);
    const rest = new RecordingSink();
    next.broker.consume({ queue: "q", prefetch: 100, connection: "c" }, rest);
    await settled();
    expect(rest.bodies).toEqual([...bodies.slice(30), 51, 52]);
  });

  test("is purged whole, but for what consumers have", async () => {
    const { publish, consume, broker, database } = await createQueue({}, 4);
    await publish(...bodies);
    await broker.publish([eventTo("q", 99, { delayMs: 1_000 })], "publisher");
    const { sink, consumer } = consume();
    await settled();
    expect(await broker.purgeQueue("q")).toBe(49);
    expect(broker.queue("q")).toMatchObject({ ready: 0, delayed: 0, unsettled: 2, readyBytes: 0 });
    await publish(100);
    await consumer.settle([1, 2], { type: "ack" }).committed;
    await settled();
    expect(sink.bodies).toEqual([1, 2, 100]);
    const { id = 0 } = database.queues.get("q") ?? {};
    expect(database.durable.state(id)).toMatchObject([{ messages: 1 }]);
  });
});

test("a node whose place another process has taken changes nothing any more", async () => {
  const { broker, consume, database, clock } = await createQueue({ autoDelete: true });
  const { consumer } = consume();
  const later = createTestBroker({ database, clock }).broker;
  await later.start();
  // The first one has not heard of it yet: its consumer's end would delete the queue.
  consumer.close();
  await settled();
  expect(database.queues.has("q")).toBe(true);
  for (const change of [
    () => broker.declareQueue(queueNamed("other")),
    () => broker.declareExchange({ name: "e", type: "topic", alternateExchange: undefined }),
    () => broker.purgeQueue("q"),
    () => broker.pull("q", { max: 1, waitMs: 0, leaseMs: 1_000, signal: AbortSignal.abort() }),
  ])
    expect(await kindOf(change())).toBe("storeUnavailable");
  await clock.advance(60_000);
  expect([database.queues.has("q"), database.queues.has("other")]).toEqual([true, false]);
  expect(() => consume()).toThrow("node");
  await later.stop();
  await broker.stop();
});
