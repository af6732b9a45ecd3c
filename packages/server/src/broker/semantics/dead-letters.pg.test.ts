import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import {
  bodies,
  channelNamed,
  type Death,
  type DeliveryMembers,
  fresh,
  queueNamed,
  type Way,
} from "./harness/way.ts";

setDefaultTimeout(20_000);

let world: SemanticsWorld;
beforeAll(async () => {
  world = await SemanticsWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Lying extends DeliveryMembers {
  readonly seq: number;
  readonly deaths: readonly Death[];
}

async function waiting(queue: string): Promise<readonly unknown[]> {
  return bodies(await world.http.browse(queue));
}

function browse(queue: string): Promise<readonly Lying[]> {
  return world.http.browse<Lying>(queue);
}

async function isHolding(queue: string, count: number): Promise<boolean> {
  return (await browse(queue)).length === count;
}

const toQueue = (key: string): object => ({
  dead_letter_exchange: "amq.default",
  dead_letter_key: key,
});

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  /** Publishes `all` to `queue`, and rejects each. `taker` takes them: not one that goes on consuming, by default. */
  async function bury(
    queue: string,
    all: readonly unknown[],
    taker: Way = world.http,
  ): Promise<void> {
    for (const body of all) await way.publish({ exchange: "amq.default", key: queue, body });
    for (const taken of await taker.take(queue, all.length)) await taken.settle("reject");
  }

  test("what is rejected goes by the dead-letter exchange, with its history", async () => {
    const [exchange, source] = [fresh("dlx"), fresh("e")];
    await way.declareExchange(exchange, { type: "topic" });
    await way.declareExchange(source, { type: "fanout" });
    const dead = await way.declareQueue(fresh("dead"));
    await way.bind(exchange, "task.#", queueNamed(dead));
    const queue = await way.declareQueue(fresh("q"), { dead_letter_exchange: exchange });
    await way.bind(source, "", queueNamed(queue));
    const event = { exchange: source, key: "task.1", headers: { n: 1 }, body: 1, id: "i" };
    await way.publish(event);
    const [taken] = await way.take(queue, 1);
    await taken?.settle("nack", { requeue: false });
    const [letter] = await way.take(dead, 1);
    expect(letter).toMatchObject({
      ...event,
      exchange,
      attempt: 1,
      redelivered: false,
      deaths: [{ queue, reason: "rejected", count: 1, exchange: source, key: "task.1" }],
    });
  });

  test("one that leads nowhere, or is not there, keeps them in switchyard.dead-letters", async () => {
    const nowhere = fresh("dlx");
    await way.declareExchange(nowhere, { type: "topic" });
    for (const exchange of [nowhere, fresh("no-such")]) {
      const queue = await way.declareQueue(fresh("q"), { dead_letter_exchange: exchange });
      await bury(queue, [queue], way);
      await until(async () => (await waiting("switchyard.dead-letters")).includes(queue));
    }
  });

  test("one that leads to a channel publishes them there", async () => {
    const exchange = fresh("dlx");
    await way.declareExchange(exchange, { type: "fanout" });
    const channel = fresh("plain:dead");
    await way.bind(exchange, "", channelNamed(channel));
    const live = fresh("plain:dead");
    await way.bind(exchange, "", channelNamed(live), { durable: false });
    const queue = await way.declareQueue(fresh("q"), { dead_letter_exchange: exchange });
    const { sdk } = await world.client();
    const heard: (readonly [string, unknown])[] = [];
    for (const name of [channel, live]) {
      const subscription = sdk.newSubscription(name);
      subscription.on("publication", (publication) =>
        heard.push([publication.channel, publication.data]),
      );
      subscription.subscribe();
      await subscription.ready(10_000);
    }
    await bury(queue, [1], way);
    await until(() => heard.length >= 2);
    expect(new Map(heard)).toEqual(
      new Map([
        [channel, 1],
        [live, 1],
      ]),
    );
    expect(heard).toHaveLength(2);
    await until(async () => (await world.http.figures(queue)).counts["dead"] === 1);
    const lost = await browse("switchyard.dead-letters");
    expect(lost.filter(({ deaths: [death] }) => death?.queue === queue)).toEqual([]);
  });

  test("a retry by way of a waiting queue counts in the history", async () => {
    const [queue, wait] = [fresh("q"), fresh("wait")];
    await way.declareQueue(queue, toQueue(wait));
    await way.declareQueue(wait, { ttl_ms: 30, ...toQueue(queue) });
    await way.publish({ exchange: "amq.default", key: queue, body: 1 });
    for (const count of [0, 1, 2]) {
      const [taken] = await way.take(queue, 1);
      const counted = taken?.deaths?.map(({ queue: at, reason, count: n }) => [at, reason, n]);
      expect(counted ?? []).toEqual(
        count === 0
          ? []
          : [
              [wait, "expired", count],
              [queue, "rejected", count],
            ],
      );
      await taken?.settle(count < 2 ? "reject" : "ack");
    }
  });

  test("what would go in circles by itself is dropped", async () => {
    const [one, two, self] = [fresh("q"), fresh("q"), fresh("q")];
    await way.declareQueue(one, { ttl_ms: 20, ...toQueue(two) });
    await way.declareQueue(two, { ttl_ms: 20, ...toQueue(one) });
    await way.declareQueue(self, { ttl_ms: 20, ...toQueue(self) });
    for (const key of [one, self]) await way.publish({ exchange: "amq.default", key, body: 1 });
    await until(async () => (await world.http.figures(two)).counts["expired"] === 1);
    await until(async () => (await world.http.figures(self)).counts["expired"] === 1);
    expect(await world.http.figures(one)).toMatchObject({ ready: 0, counts: { published: 1 } });
    expect(await world.http.figures(self)).toMatchObject({ ready: 0, counts: { published: 1 } });
  });

  test("a target that is full keeps the message where it is, until there is room", async () => {
    const dead = await way.declareQueue(fresh("dead"), {
      max_length: 1,
      overflow: "reject-publish",
    });
    const queue = await way.declareQueue(fresh("q"), toQueue(dead));
    await bury(queue, [1, 2], way);
    expect(await waiting(dead)).toEqual([1]);
    expect(await world.http.figures(queue)).toMatchObject({ ready: 1, counts: { dead: 1 } });
    const [first] = await way.take(dead, 1);
    await first?.settle("ack");
    const [second] = await way.take(dead, 1);
    expect(second).toMatchObject({ body: 2, deaths: [{ queue, reason: "rejected" }] });
    expect(await world.http.figures(queue)).toMatchObject({ ready: 0, counts: { dead: 2 } });
  });

  test("replay one, some, at a rate, and all the others", async () => {
    const dead = await way.declareQueue(fresh("dead"));
    const queue = await way.declareQueue(fresh("q"), { max_attempts: 1, ...toQueue(dead) });
    await bury(
      queue,
      Array.from({ length: 16 }, (_, n) => n),
      way,
    );
    await until(() => isHolding(dead, 16));
    const replay = (members?: object): Promise<object> =>
      world.http.call(`POST /v1/queues/${dead}/replay`, members);
    const third = (await browse(dead))[3]?.seq;
    const none = { replayed: 0, scheduled: 0, kept: 0 };
    expect(await replay({ seqs: [third, 999_999] })).toEqual({ ...none, replayed: 1 });
    expect(await replay({ limit: 3 })).toEqual({ ...none, replayed: 3 });
    const taken = await way.take(queue, 4);
    expect(bodies(taken)).toEqual([3, 0, 1, 2]);
    expect(taken[0]).toMatchObject({
      exchange: "",
      key: queue,
      attempt: 1,
      deaths: [{ queue, reason: "rejected", count: 1 }],
    });
    const began = performance.now();
    expect(await replay({ limit: 4, rate_per_second: 10 })).toEqual({ ...none, scheduled: 4 });
    expect(bodies(await way.take(queue, 4))).toEqual([4, 5, 6, 7]);
    expect(performance.now() - began).toBeGreaterThan(290); // three pauses of 100 ms between four
    expect(await replay()).toEqual({ ...none, replayed: 8 });
    expect(bodies(await way.take(queue, 8))).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(await browse(dead)).toEqual([]);
  });

  test("replay keeps those whose queue is gone or full, and what is no dead letter", async () => {
    const dead = await way.declareQueue(fresh("dead"));
    const gone = await way.declareQueue(fresh("q"), toQueue(dead));
    const full = await way.declareQueue(fresh("q"), {
      max_length: 1,
      overflow: "reject-publish",
      ...toQueue(dead),
    });
    await bury(gone, ["gone"]);
    await bury(full, ["full"]);
    await until(() => isHolding(dead, 2));
    for (const key of [full, dead])
      await way.publish({ exchange: "amq.default", key, body: "plain" });
    await world.http.call(`DELETE /v1/queues/${gone}`);
    const seqs = (await browse(dead)).map(({ seq }) => seq);
    const replayed = await world.http.call(`POST /v1/queues/${dead}/replay`, { seqs });
    expect(replayed).toEqual({ replayed: 0, scheduled: 0, kept: 3 });
    expect(await waiting(dead)).toEqual(["gone", "full", "plain"]);
  });

  test("discard some, then all; what is no dead letter stays", async () => {
    const dead = await way.declareQueue(fresh("dead"));
    const queue = await way.declareQueue(fresh("q"), toQueue(dead));
    await bury(queue, [1, 2, 3, 4], way);
    await until(() => isHolding(dead, 4));
    await way.publish({ exchange: "amq.default", key: dead, body: "plain" });
    const discard = (members?: object): Promise<object> =>
      world.http.call(`POST /v1/queues/${dead}/discard`, members);
    const second = (await browse(dead))[1]?.seq;
    expect(await discard({ seqs: [second] })).toEqual({ discarded: 1 });
    expect(await waiting(dead)).toEqual([1, 3, 4, "plain"]);
    expect(await discard({ limit: 1 })).toEqual({ discarded: 1 });
    expect(await discard()).toEqual({ discarded: 2 });
    expect(await waiting(dead)).toEqual(["plain"]);
  });
});
