import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import {
  bodies,
  channelNamed,
  type Death,
  fresh,
  type Published,
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

interface Lying {
  readonly body: unknown;
  readonly deaths: readonly Death[];
}

function lying(queue: string): Promise<readonly Lying[]> {
  return world.http.browse<Lying>(queue);
}

async function waiting(queue: string): Promise<readonly unknown[]> {
  return bodies(await world.http.browse(queue));
}

/** Waits until the dead letters of `from` that lie in `queue` are as many; returns bodies and reasons. */
async function deadOf(from: string, queue: string, count: number): Promise<readonly unknown[]> {
  const find = async (): Promise<readonly unknown[]> =>
    (await lying(queue)).flatMap(({ body, deaths: [death] }) =>
      death?.queue === from ? [[body, death.reason]] : [],
    );
  await until(async () => (await find()).length >= count);
  return find();
}

async function publishAll(
  way: Way,
  queue: string,
  ...all: readonly unknown[]
): Promise<readonly Published[]> {
  const outcomes: Published[] = [];
  for (const body of all)
    outcomes.push(await way.publish({ exchange: "amq.default", key: queue, body }));
  return outcomes;
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  test("drop-head keeps the newest, and counts what is gone", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_length: 2 });
    await publishAll(way, queue, 1, 2, 3, 4);
    expect(await waiting(queue)).toEqual([3, 4]);
    expect(await world.http.figures(queue)).toMatchObject({
      ready: 2,
      counts: { published: 4, dropped: 2, dead: 0 },
    });
  });

  test("the limit is of ready messages: what is with a consumer does not count", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_length: 1 });
    await publishAll(way, queue, 1);
    const [first] = await way.take(queue, 1);
    await publishAll(await world.way("http"), queue, 2);
    await until(async () => {
      const { ready, unsettled } = await world.http.figures(queue);
      return ready + unsettled === 2;
    });
    await first?.settle("ack");
  });

  test("max_bytes counts bodies; what is larger than the queue leaves nothing", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_bytes: 10 });
    await publishAll(way, queue, "abc", "def"); // five bytes each, with their quotes
    expect(await waiting(queue)).toEqual(["abc", "def"]);
    await publishAll(way, queue, 1);
    expect(await waiting(queue)).toEqual(["def", 1]);
    await publishAll(way, queue, "0123456789");
    expect(await waiting(queue)).toEqual([]);
  });

  test("the least urgent go first", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_length: 3 });
    for (const [body, priority] of [
      ["urgent", 9],
      ["old", 1],
      ["new", 1],
      ["middle", 5],
      ["late", 9],
    ] as const)
      await way.publish({ exchange: "amq.default", key: queue, body, priority });
    expect(await waiting(queue)).toEqual(["urgent", "late", "middle"]);
  });

  test("reject-publish: error 420 that names the queue, and there is room again after a delivery", async () => {
    const queue = await way.declareQueue(fresh("q"), {
      max_length: 2,
      overflow: "reject-publish",
    });
    const outcomes = await publishAll(way, queue, 1, 2, 3);
    expect(outcomes).toMatchObject([{ routed: 1 }, { routed: 1 }, { code: 420 }]);
    expect(outcomes[2]?.message).toContain(queue);
    const [first] = await world.http.take(queue, 1);
    expect(await publishAll(way, queue, 4)).toMatchObject([{ routed: 1 }]);
    await first?.settle("ack");
    expect(await waiting(queue)).toEqual([2, 4]);
  });

  test("reject-publish by bytes: what fits is taken, what does not is not", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_bytes: 8, overflow: "reject-publish" });
    expect(await publishAll(way, queue, "abc", "def", 1)).toMatchObject([
      { routed: 1 },
      { code: 420 },
      { routed: 1 },
    ]);
    expect(await waiting(queue)).toEqual(["abc", 1]);
  });

  test("an event that one of its queues rejects is stored in none, and reaches no channel", async () => {
    const exchange = fresh("e");
    await way.declareExchange(exchange, { type: "fanout" });
    const full = await way.declareQueue(fresh("q"), { max_length: 1, overflow: "reject-publish" });
    const others = [await way.declareQueue(fresh("q")), await way.declareQueue(fresh("q"))];
    for (const queue of [...others, full]) await way.bind(exchange, "", queueNamed(queue));
    const channels = ["plain:durable", "plain:live"].map((name) => fresh(name));
    for (const [at, channel] of channels.entries())
      await way.bind(exchange, "", channelNamed(channel), { durable: at === 0 });
    const heard: number[] = [];
    const { sdk } = await world.client();
    for (const channel of channels) {
      const subscription = sdk.newSubscription(channel);
      subscription.on("publication", ({ data }) => heard.push(Number(data)));
      subscription.subscribe();
      await subscription.ready(10_000);
    }
    expect(await way.publish({ exchange, body: 1 })).toMatchObject({ routed: 5 });
    expect(await way.publish({ exchange, body: 2, id: "again" })).toMatchObject({ code: 420 });
    await world.http.call(`POST /v1/queues/${full}/purge`);
    // An id whose event was not stored is not known.
    const again = await way.publish({ exchange, body: 3, id: "again" });
    expect(again).toEqual({ id: "again", routed: 5 });
    await until(() => heard.length === 4);
    expect(heard.toSorted((one, other) => one - other)).toEqual([1, 1, 3, 3]);
    for (const queue of others) expect(await waiting(queue)).toEqual([1, 3]);
    expect(await waiting(full)).toEqual([3]);
  });

  test("overflow dead-letter keeps the oldest as dead letters, also without a dead-letter exchange", async () => {
    const queue = await way.declareQueue(fresh("q"), { max_length: 1, overflow: "dead-letter" });
    await publishAll(way, queue, 1, 2, 3);
    expect(await deadOf(queue, "switchyard.dead-letters", 2)).toEqual([
      [1, "maxlen"],
      [2, "maxlen"],
    ]);
    expect(await waiting(queue)).toEqual([3]);
    expect(await world.http.figures(queue)).toMatchObject({ counts: { dead: 2, dropped: 0 } });
  });

  test("drop-head with a dead-letter exchange makes dead letters too", async () => {
    const dead = await way.declareQueue(fresh("dead"));
    const queue = await way.declareQueue(fresh("q"), {
      max_length: 1,
      dead_letter_exchange: "amq.default",
      dead_letter_key: dead,
    });
    await publishAll(way, queue, 1, 2);
    expect(await deadOf(queue, dead, 1)).toEqual([[1, "maxlen"]]);
  });
});
