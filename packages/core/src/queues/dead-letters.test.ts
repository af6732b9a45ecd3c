import { expect, test } from "bun:test";
import type { BindingDefinition } from "../ports/topology-store.ts";
import type { Broker } from "./broker.ts";
import { channelQueue } from "./built-in-queues.ts";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed, RecordingSink } from "./harness/test-broker.ts";

/** Publishes `body` to the queue `name`, and rejects it. */
async function bury(broker: Broker, name: string, body: number): Promise<void> {
  await broker.publish([eventTo(name, body)], "p");
  const sink = new RecordingSink();
  const consumer = broker.consume({ queue: name, prefetch: 1, connection: "c" }, sink);
  await settled();
  await consumer.settle([1], { type: "reject" }).committed;
  consumer.close();
  await settled();
}

function toChannel(name: string, durable: boolean): BindingDefinition {
  const destination = { type: "channel", name } as const;
  return { exchange: "amq.fanout", key: "", match: undefined, destination, durable };
}

test("a dead letter reaches the channels of its exchange, each time it dies", async () => {
  const { broker, published } = createTestBroker();
  await broker.start();
  await broker.declareQueue(queueNamed("q", { deadLetterExchange: "amq.fanout" }));
  await broker.bind(toChannel("durable", true));
  await broker.bind(toChannel("live", false));
  await bury(broker, "q", 1);
  await bury(broker, "q", 2);
  expect(published.map(({ channel, data }) => [channel, data]).toSorted(byText)).toEqual([
    ["durable", "1"],
    ["durable", "2"],
    ["live", "1"],
    ["live", "2"],
  ]);
  // One key for each of them, or the bus would take the second for a repetition.
  expect(new Set(published.map(({ key }) => key)).size).toBe(3);
  expect(broker.queue("q")).toMatchObject({ ready: 0, unsettled: 0, counts: { dead: 2 } });
  expect(broker.queue("switchyard.dead-letters").ready).toBe(0);
  await broker.stop();
});

function byText(one: readonly string[], other: readonly string[]): number {
  return one.join() < other.join() ? -1 : 1;
}

test("neither dead letters nor an alternate exchange reach the internal queue", async () => {
  const { broker, published } = createTestBroker();
  await broker.start();
  const letters = { deadLetterExchange: "", deadLetterKey: channelQueue };
  await broker.declareQueue(queueNamed("q", letters));
  await bury(broker, "q", 1);
  expect(broker.queue("switchyard.dead-letters").ready).toBe(1);
  await broker.declareExchange({ name: "e", type: "direct", alternateExchange: "" });
  const event = eventTo(channelQueue, 2, { exchange: "e", mandatory: true });
  expect(await broker.publish([event], "p")).toMatchObject([{ kind: "returned" }]);
  await settled();
  expect(published).toEqual([]);
  await broker.stop();
});

test("a replay tells of chosen messages that are no dead letters", async () => {
  const { broker } = createTestBroker();
  await broker.start();
  await broker.declareQueue(queueNamed("q"));
  await broker.publish([eventTo("q", 1), eventTo("q", 2)], "p");
  const { messages } = await broker.browse("q", { limit: 10, cursor: undefined });
  const seqs = messages.map(({ seq }) => seq);
  expect(await broker.replay("q", { seqs, limit: undefined, ratePerSecond: undefined })).toEqual({
    replayed: 0,
    scheduled: 0,
    kept: 2,
  });
  expect(broker.queue("q").ready).toBe(2);
  await broker.stop();
});

test("browsing does not show what the queue has dropped before", async () => {
  const { broker } = createTestBroker();
  await broker.start();
  await broker.declareQueue(queueNamed("q", { maxLength: 1 }));
  await broker.publish([eventTo("q", 1), eventTo("q", 2)], "p");
  const { messages } = await broker.browse("q", { limit: 10, cursor: undefined });
  expect(messages.map(({ body }) => String(body))).toEqual(["2"]);
  await broker.stop();
});
