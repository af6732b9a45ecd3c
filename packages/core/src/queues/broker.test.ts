import { expect, test } from "bun:test";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed, RecordingSink } from "./harness/test-broker.ts";

test("what is published to a queue is confirmed, delivered in order, and gone when it is acknowledged", async () => {
  const { broker, database } = createTestBroker();
  await broker.start();
  expect(await broker.declareQueue(queueNamed("q"))).toBe(true);
  expect(await broker.declareQueue(queueNamed("q"))).toBe(false);
  const outcomes = await broker.publish([eventTo("q", 1), eventTo("q", 2), eventTo("q", 3)], "p");
  expect(outcomes.map(({ kind }) => kind)).toEqual(["confirmed", "confirmed", "confirmed"]);
  const sink = new RecordingSink();
  const consumer = broker.consume({ queue: "q", prefetch: 2, connection: "c" }, sink);
  await settled();
  expect(sink.bodies).toEqual([1, 2]);
  await consumer.settle([1], { type: "ack" }).committed;
  expect(sink.bodies).toEqual([1, 2, 3]);
  expect(consumer.settle([1, 9], { type: "ack" }).unknownTags).toEqual([1, 9]);
  await consumer.settle([2, 3], { type: "ack" }).committed;
  expect(broker.queue("q")).toMatchObject({ ready: 0, unsettled: 0, consumers: 1 });
  expect([...database.queues.keys()]).toContain("q");
  await broker.stop();
});
