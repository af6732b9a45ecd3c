import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import type { SdkWay } from "./harness/sdk-way.ts";
import { SemanticsWorld } from "./harness/semantics-world.ts";
import { bodies, fresh, queueNamed, refusal } from "./harness/way.ts";

setDefaultTimeout(20_000);

let world: SemanticsWorld;
let publisher: SdkWay;
beforeAll(async () => {
  world = await SemanticsWorld.start();
  publisher = await world.client();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A queue with bodies from 1 to `count`. */
async function filled(count: number, members: object = {}): Promise<string> {
  const queue = await publisher.declareQueue(fresh("q"), members);
  await fill(queue, 1, count);
  return queue;
}

async function fill(queue: string, from: number, to: number): Promise<void> {
  for (let body = from; body <= to; body += 1)
    await publisher.publish({ exchange: "amq.default", key: queue, body });
}

async function isGone(queue: string): Promise<boolean> {
  return (await refusal(world.http.figures(queue)))?.code === 404;
}

describe("prefetch", () => {
  test("so many are unsettled at most; each settlement makes room for one", async () => {
    const queue = await filled(6);
    const client = await world.client();
    const consumer = await client.consume(queue, 2);
    await client.deliveries(consumer, 2);
    expect(await world.http.figures(queue)).toMatchObject({ ready: 4, unsettled: 2 });
    await client.settle(consumer, "ack", [2]);
    await client.deliveries(consumer, 3);
    await client.settle(consumer, "reject", [1, 3]);
    expect(bodies(await client.deliveries(consumer, 5))).toEqual([1, 2, 3, 4, 5]);
    expect(await world.http.figures(queue)).toMatchObject({ ready: 1, unsettled: 2 });
  });

  test("consumers take turns", async () => {
    const queue = await publisher.declareQueue(fresh("q"));
    const clients = [await world.client(), await world.client()];
    const consumers = await Promise.all(clients.map((client) => client.consume(queue)));
    await fill(queue, 1, 10);
    const counts = (): readonly number[] =>
      clients.map((client, at) => client.delivered(consumers[at] ?? "").length);
    await until(() => counts().reduce((sum, count) => sum + count) === 10);
    expect(counts()).toEqual([5, 5]);
  });

  test("one outside 1 to 5,000 is refused; so is one consumer too many", async () => {
    const queue = await filled(0);
    const client = await world.client();
    for (const prefetch of [0, 5_001, 1.5])
      expect(await refusal(client.consume(queue, prefetch))).toMatchObject({ code: 107 });
    expect(await refusal(client.consume(fresh("none")))).toMatchObject({ code: 404 });
    await Promise.all(Array.from({ length: 256 }, () => client.consume(queue)));
    expect(await refusal(client.consume(queue))).toMatchObject({ code: 106 });
  });
});

describe("settling", () => {
  test("unknown and repeated tags are told of, and settle nothing else", async () => {
    const queue = await filled(4);
    const client = await world.client();
    const consumer = await client.consume(queue);
    await client.deliveries(consumer, 4);
    const answer = await client.settle(consumer, "ack", [1, 1, 99, 2]);
    expect(answer).toEqual({ settled: 2, unknown: [1, 99] });
    await client.sdk.send({ type: "nack", consumer, tags: [2, 3, 77], requeue: false });
    await until(() => client.told.length === 1);
    expect(client.told).toMatchObject([
      { type: "error", code: 404, of: "nack", consumer, tags: [2, 77] },
    ]);
    expect(await world.http.figures(queue)).toMatchObject({
      ready: 0,
      unsettled: 1,
      counts: { acknowledged: 2, dead: 1 },
    });
  });

  test("another connection's consumer is unknown", async () => {
    const queue = await filled(1);
    const [owner, other] = [await world.client(), await world.client()];
    const consumer = await owner.consume(queue);
    await owner.deliveries(consumer, 1);
    expect(await refusal(other.settle(consumer, "ack", [1]))).toMatchObject({ code: 404 });
    await other.sdk.send({ type: "ack", consumer, tags: [1] });
    await until(() => other.told.length === 1);
    expect(other.told).toMatchObject([{ type: "error", code: 404, of: "ack", consumer }]);
    expect(await world.http.figures(queue)).toMatchObject({ unsettled: 1 });
  });

  test.each([
    ["no consumer", { tags: [1] }],
    ["no tags", { consumer: "c", tags: [] }],
    ["a tag that is none", { consumer: "c", tags: ["1"] }],
    ["requeue of an ack", { consumer: "c", tags: [1], requeue: true }],
    ["a delay that is none", { consumer: "c", tags: [1], delay_ms: -1 }],
    ["too many tags", { consumer: "c", tags: Array.from({ length: 5_001 }, () => 1) }],
  ] as const)("%s comes back as an error", async (_, members) => {
    const client = await world.client();
    expect(await refusal(client.call("queue.settle", members))).toMatchObject({ code: 107 });
    await client.sdk.send({ type: "ack", ...members });
    await until(() => client.told.length === 1);
    expect(client.told).toMatchObject([{ type: "error", code: 107, of: "ack" }]);
  });

  test("reject with requeue puts back; nack waits as long as it says", async () => {
    const queue = await filled(1);
    const client = await world.client();
    const consumer = await client.consume(queue);
    await client.deliveries(consumer, 1);
    await client.sdk.send({ type: "reject", consumer, tags: [1], requeue: true });
    expect((await client.deliveries(consumer, 2))[1]).toMatchObject({ tag: 2, attempt: 2 });
    const asked = performance.now();
    await client.sdk.send({ type: "nack", consumer, tags: [2], delay_ms: 100 });
    expect((await client.deliveries(consumer, 3))[2]).toMatchObject({ tag: 3, attempt: 3 });
    expect(performance.now() - asked).toBeGreaterThan(95);
  });
});

describe("the end of a consumer", () => {
  test("cancel: no more deliveries; what was delivered may still be settled", async () => {
    const queue = await filled(3);
    const client = await world.client();
    const consumer = await client.consume(queue, 2);
    await client.deliveries(consumer, 2);
    await client.call("queue.cancel", { consumer });
    expect(await client.settle(consumer, "ack", [1])).toEqual({ settled: 1 });
    expect(await world.http.figures(queue)).toMatchObject({
      ready: 1,
      unsettled: 1,
      consumers: 0,
    });
    const next = await client.consume(queue);
    expect(bodies(await client.deliveries(next, 1))).toEqual([3]);
    expect(await client.settle(consumer, "nack", [2])).toEqual({ settled: 1 });
    expect(bodies(await client.deliveries(next, 2))).toEqual([3, 2]);
    const late = client.call("queue.cancel", { consumer });
    expect(await refusal(late)).toMatchObject({ code: 404 });
  });

  test("a connection's end gives everything back at once, in its old place, without the retry's wait", async () => {
    const queue = await filled(4, { retry: { initial_ms: 600_000, maximum_ms: 600_000 } });
    const client = await world.client();
    const consumer = await client.consume(queue, 3);
    await client.deliveries(consumer, 3);
    await client.settle(consumer, "ack", [2]);
    await client.deliveries(consumer, 4);
    await fill(queue, 5, 5);
    client.sdk.disconnect();
    const left = await publisher.take(queue, 4);
    expect(left.map(({ body, redelivered, attempt }) => [body, redelivered, attempt])).toEqual([
      [1, true, 2],
      [3, true, 2],
      [4, true, 2],
      [5, false, 1],
    ]);
  });

  test("a lost connection is an attempt", async () => {
    const dead = await publisher.declareQueue(fresh("dead"));
    const queue = await filled(1, {
      max_attempts: 1,
      dead_letter_exchange: "amq.default",
      dead_letter_key: dead,
    });
    const client = await world.client();
    await client.deliveries(await client.consume(queue), 1);
    client.sdk.disconnect();
    expect(await publisher.take(dead, 1)).toMatchObject([{ deaths: [{ reason: "attempts" }] }]);
  });
});

test("single active consumer: one gets everything, also before pulls; the next one when it has gone", async () => {
  const queue = await filled(2, { single_active_consumer: true });
  const [one, two] = [await world.client(), await world.client()];
  const [first, second] = [await one.consume(queue, 1), await two.consume(queue)];
  await one.deliveries(first, 1);
  expect(await world.http.pull(queue)).toEqual([]);
  expect(two.delivered(second)).toEqual([]);
  one.sdk.disconnect();
  expect(bodies(await two.deliveries(second, 2))).toEqual([1, 2]);
});

test("auto-delete: gone with its last consumer, not before its first", async () => {
  const queue = await filled(1, { auto_delete: true });
  const [one, two] = [await world.client(), await world.client()];
  const consumer = await one.consume(queue);
  await two.consume(queue);
  two.sdk.disconnect();
  await until(async () => (await world.http.figures(queue)).consumers === 1);
  await one.call("queue.cancel", { consumer });
  await until(() => isGone(queue));
});

test("an exclusive queue is its connection's own, and ends with it", async () => {
  const [owner, other] = [
    await world.client("ann", [{ queues: ["mine"], allow: ["declare"] }]),
    publisher,
  ];
  const queue = await owner.declareQueue("mine", { exclusive: true });
  for (const [method, members] of [
    ["queue.consume", { queue }],
    ["queue.declare", { name: queue, exclusive: true }],
    ["queue.declare", { name: queue }],
    ["queue.purge", { name: queue }],
    ["queue.delete", { name: queue }],
  ] as const)
    expect(await refusal(other.call(method, members))).toMatchObject({ code: 405 });
  expect(await refusal(other.bind("amq.fanout", "", queueNamed(queue)))).toMatchObject({
    code: 405,
  });
  expect(await refusal(world.http.pull(queue))).toMatchObject({ code: 405 });
  await fill(queue, 1, 1);
  // Without any capability on it but to declare it.
  expect(bodies(await owner.take(queue, 1))).toEqual([1]);
  const { queues } = await world.http.call<{ readonly queues: readonly object[] }>(
    "GET /v1/topology",
  );
  expect(JSON.stringify(queues)).not.toContain('"mine"');
  owner.sdk.disconnect();
  await until(() => isGone(queue));
});

test("a server-named queue ends with its last consumer", async () => {
  const client = await world.client();
  const [one, two] = [await client.declareQueue(""), await client.declareQueue("")];
  expect(one).toStartWith("switchyard.gen-");
  expect(two).not.toBe(one);
  expect(await world.http.figures(one)).toMatchObject({
    exclusive: true,
    durable: false,
    auto_delete: true,
  });
  const consumer = await client.consume(one);
  await client.call("queue.cancel", { consumer });
  await until(() => isGone(one));
  expect(await isGone(two)).toBe(false);
});
