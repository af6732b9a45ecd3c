import { describe, expect, test } from "bun:test";
import type { QueueDefinition } from "../ports/topology-store.ts";
import type { Broker } from "./broker.ts";
import type { BrowsedMessage } from "./broker-operations.ts";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed, RecordingSink } from "./harness/test-broker.ts";

/** A broker with these queues, and a fanout exchange `deaths` to those whose names begin with "dead". */
async function createQueues(queues: Readonly<Record<string, Partial<QueueDefinition>>>) {
  const created = createTestBroker();
  const { broker } = created;
  await broker.start();
  await broker.declareExchange({ name: "deaths", type: "fanout", alternateExchange: undefined });
  for (const [name, more] of Object.entries(queues)) {
    await broker.declareQueue(queueNamed(name, more));
    if (!name.startsWith("dead")) continue;
    const destination = { type: "queue", name } as const;
    await broker.bind({
      ...{ exchange: "deaths", key: "", match: undefined, durable: true, destination },
    });
  }
  return created;
}

async function publish(broker: Broker, queue: string, ...bodies: number[]): Promise<string[]> {
  const outcomes = await broker.publish(
    bodies.map((body) => eventTo(queue, body)),
    "publisher",
  );
  return outcomes.map((outcome) =>
    outcome.kind === "failed" ? outcome.error.message : outcome.kind,
  );
}

async function inQueue(broker: Broker, queue: string): Promise<readonly BrowsedMessage[]> {
  const messages: BrowsedMessage[] = [];
  let cursor: string | undefined;
  do {
    const page = await broker.browse(queue, { limit: 100, cursor });
    messages.push(...page.messages);
    ({ cursor } = page);
  } while (cursor !== undefined);
  return messages;
}

async function bodiesIn(broker: Broker, queue: string): Promise<unknown[]> {
  const messages = await inQueue(broker, queue);
  return messages.map(({ body }) => Number(body));
}

function consume(broker: Broker, queue: string, prefetch = 100) {
  const sink = new RecordingSink();
  return { sink, consumer: broker.consume({ queue, prefetch, connection: "connection" }, sink) };
}

const last = "switchyard.dead-letters";

describe("where the dead go", () => {
  const ways = [
    { title: "rejected, no exchange: the last queue", queue: {}, reason: "rejected", to: last },
    {
      title: "rejected, with an exchange: by it",
      queue: { deadLetterExchange: "deaths" },
      reason: "rejected",
      to: "dead",
    },
    {
      title: "rejected, with an exchange that leads nowhere: the last queue",
      queue: { deadLetterExchange: "gone" },
      reason: "rejected",
      to: last,
    },
    { title: "expired, no exchange: nowhere", queue: { ttlMs: 50 }, reason: "expired", to: "" },
    {
      title: "expired, with an exchange: by it",
      queue: { ttlMs: 50, deadLetterExchange: "deaths" },
      reason: "expired",
      to: "dead",
    },
    {
      title: "too many attempts: the last queue",
      queue: { maxAttempts: 2 },
      reason: "attempts",
      to: last,
    },
    { title: "too many messages: nowhere", queue: { maxLength: 0 }, reason: "maxlen", to: "" },
    {
      title: "too many messages, to be dead letters: the last queue",
      queue: { maxLength: 0, overflow: "dead-letter" },
      reason: "maxlen",
      to: last,
    },
  ] as const;
  for (const { title, queue, reason, to } of ways) {
    test(title, async () => {
      const { broker, clock } = await createQueues({ q: queue, dead: {} });
      await publish(broker, "q", 1);
      if (reason === "rejected" || reason === "attempts") {
        const { consumer } = consume(broker, "q");
        await settled();
        if (reason === "rejected") await consumer.settle([1], { type: "reject" }).committed;
        else
          for (const tag of [1, 2]) {
            const nack = { type: "nack", requeue: true, delayMs: undefined } as const;
            await consumer.settle([tag], nack).committed;
          }
      }
      await clock.advance(50);
      await settled();
      expect(await inQueue(broker, "q")).toEqual([]);
      const found = { dead: await inQueue(broker, "dead"), [last]: await inQueue(broker, last) };
      const deaths = Object.entries(found).flatMap(([name, messages]) =>
        messages.flatMap(({ body, attempts, deaths: [death] }) => [
          [name, Number(body), attempts, death?.queue, death?.reason, death?.count],
        ]),
      );
      expect(deaths).toEqual(to === "" ? [] : [[to, 1, 0, "q", reason, 1]]);
      const { counts, ready, unsettled } = broker.queue("q");
      expect(counts.published).toBe(counts.dead + counts.expired + counts.dropped);
      expect([ready, unsettled]).toEqual([0, 0]);
      await broker.stop();
    });
  }
});

test("a dead letter takes no second round by expiry alone; a rejected one may", async () => {
  const { broker, clock } = await createQueues({
    dead: { ttlMs: 10, deadLetterExchange: "deaths" },
  });
  await publish(broker, "dead", 1);
  await clock.advance(100);
  expect(await bodiesIn(broker, "dead")).toEqual([]);
  expect(broker.queue("dead").counts).toMatchObject({ expired: 1, dead: 0 });
  await publish(broker, "dead", 2);
  const { sink, consumer } = consume(broker, "dead", 1);
  await settled();
  await consumer.settle([1], { type: "reject" }).committed;
  await settled();
  expect(sink.bodies).toEqual([2, 2]);
  expect(JSON.parse(sink.deliveries[1]?.deaths ?? "")).toMatchObject([{ queue: "dead", count: 1 }]);
});

test("a full target keeps dead letters where they are, counted as ready, until it has room", async () => {
  const { broker, clock } = await createQueues({
    q: { deadLetterExchange: "deaths" },
    dead: { maxLength: 1, overflow: "reject-publish" },
  });
  await publish(broker, "q", 1, 2, 3);
  const { consumer } = consume(broker, "q", 2);
  await settled();
  await consumer.settle([1, 2], { type: "reject" }).committed;
  await settled();
  expect(await bodiesIn(broker, "dead")).toEqual([1]);
  expect(broker.queue("q")).toMatchObject({ ready: 1, unsettled: 1 });
  const other = consume(broker, "dead");
  await settled();
  await other.consumer.settle([1], { type: "ack" }).committed;
  await clock.advance(1_000);
  await settled();
  expect(other.sink.bodies).toEqual([1, 2]);
  expect(broker.queue("q")).toMatchObject({ ready: 0, unsettled: 1 });
});

test("an overflow to a full target leaves all in the queue, for consumers too", async () => {
  const { broker } = await createQueues({
    q: { maxLength: 2, overflow: "dead-letter", deadLetterExchange: "deaths" },
    dead: { maxLength: 1, overflow: "reject-publish" },
  });
  await publish(broker, "q", 1, 2, 3, 4, 5);
  expect(await bodiesIn(broker, "dead")).toEqual([1]);
  expect(broker.queue("q").ready).toBe(4);
  const { sink } = consume(broker, "q");
  await settled();
  expect(sink.bodies).toEqual([2, 3, 4, 5]);
});

describe("limits", () => {
  test("drop-head drops the oldest of the least urgent", async () => {
    const { broker } = await createQueues({ q: { maxLength: 2 } });
    const events = [
      [1, 5],
      [2, 0],
      [3, 0],
      [4, 5],
    ] as const;
    await broker.publish(
      events.map(([body, priority]) => eventTo("q", body, { priority })),
      "publisher",
    );
    expect(await bodiesIn(broker, "q")).toEqual([1, 4]);
    expect(broker.queue("q").counts).toMatchObject({ published: 4, dropped: 2 });
  });

  test("reject-publish takes what there is room for and names itself; unsettled ones do not count", async () => {
    const { broker } = await createQueues({ q: { maxLength: 2, overflow: "reject-publish" } });
    const [one, two, three] = await publish(broker, "q", 1, 2, 3);
    expect([one, two]).toEqual(["confirmed", "confirmed"]);
    expect(three).toContain('"q" is full');
    consume(broker, "q");
    await settled();
    expect(await publish(broker, "q", 4)).toEqual(["confirmed"]);
  });

  test("bytes are limited as messages are", async () => {
    const { broker } = await createQueues({
      q: { maxBytes: 4, overflow: "reject-publish" },
      head: { maxBytes: 4 },
    });
    expect(await publish(broker, "q", 12, 34)).toEqual(["confirmed", "confirmed"]);
    expect((await publish(broker, "q", 5))[0]).toContain("full");
    await publish(broker, "head", 12, 34, 56);
    expect(await bodiesIn(broker, "head")).toEqual([34, 56]);
    expect(broker.queue("head").readyBytes).toBe(4);
  });

  test("a message's own life counts from when it is due", async () => {
    const { broker, clock } = await createQueues({ q: { ttlMs: 1_000 } });
    await broker.publish([eventTo("q", 1, { delayMs: 500, ttlMs: 100 })], "publisher");
    await clock.advance(500);
    await settled();
    expect(broker.queue("q")).toMatchObject({ ready: 1, delayed: 0 });
    await clock.advance(100);
    expect(broker.queue("q")).toMatchObject({ ready: 0, delayed: 0 });
    expect(broker.queue("q").counts.expired).toBe(1);
  });
});

describe("dead letters again", () => {
  test("replayed to where they died, with no attempts; what has no place stays", async () => {
    const { broker } = await createQueues({ q: {}, gone: {} });
    await publish(broker, "q", 1, 2);
    await publish(broker, "gone", 3);
    for (const [queue, tags] of [
      ["q", [1, 2]],
      ["gone", [1]],
    ] as const) {
      const { consumer } = consume(broker, queue);
      await settled();
      await consumer.settle(tags, { type: "reject" }).committed;
      consumer.close();
    }
    await broker.deleteQueue("gone", { ifEmpty: false, ifUnused: false });
    const all = { seqs: undefined, limit: undefined, ratePerSecond: undefined };
    expect(await broker.replay(last, { ...all, limit: 1 })).toEqual({
      replayed: 1,
      scheduled: 0,
      kept: 0,
    });
    expect(await broker.replay(last, all)).toEqual({ replayed: 1, scheduled: 0, kept: 1 });
    const { sink } = consume(broker, "q");
    await settled();
    expect(sink.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(sink.bodies).toEqual([1, 2]);
    expect(await bodiesIn(broker, last)).toEqual([3]);
    expect(await broker.discard(last, all)).toBe(1);
    expect(broker.queue(last)).toMatchObject({ ready: 0, readyBytes: 0 });
  });
});
