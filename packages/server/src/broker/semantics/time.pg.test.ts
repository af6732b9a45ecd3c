import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import { bodies, fresh, refusal, type Way } from "./harness/way.ts";

setDefaultTimeout(20_000);

let world: SemanticsWorld;
beforeAll(async () => {
  world = await SemanticsWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function isGone(queue: string): Promise<boolean> {
  return (await refusal(world.http.figures(queue)))?.code === 404;
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  function send(queue: string, body: unknown, more: object = {}): Promise<unknown> {
    return way.publish({ exchange: "amq.default", key: queue, body, ...more });
  }

  test("ttl_ms of a queue, and the shorter one of an event", async () => {
    const patient = await way.declareQueue(fresh("q"), { ttl_ms: 600_000 });
    const hasty = await way.declareQueue(fresh("q"), { ttl_ms: 30 });
    await send(patient, "short", { ttl_ms: 30 });
    await send(patient, "long", { ttl_ms: 100_000_000 });
    await send(hasty, "long", { ttl_ms: 600_000 });
    for (const queue of [patient, hasty])
      await until(async () => (await world.http.figures(queue)).counts["expired"] === 1);
    expect(await world.http.figures(hasty)).toMatchObject({ ready: 0, counts: { dead: 0 } });
    expect(bodies(await way.take(patient, 1))).toEqual(["long"]);
  });

  test("what is with a consumer does not expire; given back it does", async () => {
    const queue = await way.declareQueue(fresh("q"), { ttl_ms: 300 });
    const began = Date.now();
    await send(queue, 1);
    const [first] = await way.take(queue, 1);
    await until(() => Date.now() > began + 400);
    expect(await world.http.figures(queue)).toMatchObject({ unsettled: 1, counts: { expired: 0 } });
    await first?.settle("nack");
    await until(async () => (await world.http.figures(queue)).counts["expired"] === 1);
  });

  test("delay_ms and deliver_at: in the order of their times, not before", async () => {
    const queue = await way.declareQueue(fresh("q"));
    const began = Date.now();
    await send(queue, "last", { deliver_at: began + 250 });
    await send(queue, "second", { delay_ms: 120 });
    await send(queue, "first", { delay_ms: 0 });
    await send(queue, "past", { deliver_at: began - 1_000 });
    expect(await world.http.figures(queue)).toMatchObject({ ready: 2, delayed: 2 });
    const taken = await way.take(queue, 4);
    expect(bodies(taken)).toEqual(["first", "past", "second", "last"]);
    expect(Date.now()).toBeGreaterThanOrEqual(began + 250);
    // Waiting for its time is no attempt.
    expect(taken.at(-1)).toMatchObject({ attempt: 1, redelivered: false });
  });

  test("the most urgent first, in the order of publication within a priority", async () => {
    const queue = await way.declareQueue(fresh("q"));
    const priorities = [0, 5, 9, 5, 1, 9, 0];
    for (const [n, priority] of priorities.entries()) await send(queue, n, { priority });
    expect(bodies(await way.take(queue, 7))).toEqual([2, 5, 1, 3, 4, 0, 6]);
  });

  test("retry: twice the wait with each attempt, up to the maximum, then a dead letter", async () => {
    const dead = await way.declareQueue(fresh("dead"));
    const queue = await way.declareQueue(fresh("q"), {
      max_attempts: 4,
      retry: { initial_ms: 60, maximum_ms: 150 },
      dead_letter_exchange: "amq.default",
      dead_letter_key: dead,
    });
    await send(queue, "stubborn");
    const gaps: number[] = [];
    let last = 0;
    for (const attempt of [1, 2, 3, 4]) {
      const [one] = await way.take(queue, 1);
      gaps.push(performance.now() - last);
      expect(one).toMatchObject({ attempt, redelivered: attempt > 1 });
      last = performance.now();
      await one?.settle("nack");
    }
    // Clocks of two processes and rounding: a millisecond or two.
    for (const [at, least] of [58, 118, 148].entries())
      expect(gaps[at + 1]).toBeGreaterThanOrEqual(least);
    const [letter] = await way.take(dead, 1);
    expect(letter).toMatchObject({
      body: "stubborn",
      attempt: 1,
      redelivered: false,
      deaths: [{ queue, reason: "attempts", count: 1, exchange: "", key: queue }],
    });
  });

  test("a nack's own delay goes before the policy; behind what came meanwhile", async () => {
    const queue = await way.declareQueue(fresh("q"), {
      retry: { initial_ms: 600_000, maximum_ms: 600_000 },
    });
    await send(queue, 1);
    const [first] = await way.take(queue, 1);
    await first?.settle("nack", { delay_ms: 80 });
    await send(queue, 2);
    const taken = await way.take(queue, 2);
    expect(taken.map(({ body, attempt }) => [body, attempt])).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });

  test("without a policy a nack puts back at once, in the old place", async () => {
    const queue = await way.declareQueue(fresh("q"));
    for (const n of [1, 2, 3]) await send(queue, n);
    const [one, two, three] = await way.take(queue, 3);
    for (const taken of [three, one, two]) await taken?.settle("nack");
    const again = await way.take(queue, 3);
    // A waiting consumer gets each as it comes back.
    const order = kind === "sdk" ? [3, 1, 2] : [1, 2, 3];
    expect(bodies(again)).toEqual(order);
    expect(again.every(({ redelivered, attempt }) => redelivered && attempt === 2)).toBe(true);
  });

  test("expires_ms: a queue that nobody uses goes, with its bindings; one that is consumed from stays", async () => {
    const lonely = await way.declareQueue(fresh("q"), { expires_ms: 250 });
    const consumed = await way.declareQueue(fresh("q"), { expires_ms: 250 });
    const consumer = await world.client();
    await consumer.consume(consumed);
    await send(lonely, 1);
    await until(() => isGone(lonely));
    expect(await isGone(consumed)).toBe(false);
    consumer.sdk.disconnect();
    await until(() => isGone(consumed));
  });

  test("purge takes what is ready and what is delayed, not what is with a consumer", async () => {
    const queue = await way.declareQueue(fresh("q"));
    await send(queue, 1);
    const [held] = await world.http.take(queue, 1);
    await send(queue, 2);
    await send(queue, 3, { delay_ms: 600_000 });
    const purged = await world.http.call(`POST /v1/queues/${queue}/purge`);
    expect(purged).toEqual({ messages: 2 });
    expect(await world.http.figures(queue)).toMatchObject({ ready: 0, delayed: 0, unsettled: 1 });
    await held?.settle("ack");
  });
});
