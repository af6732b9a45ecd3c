import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import {
  bodies,
  type EventMembers,
  exchangeNamed,
  fresh,
  queueNamed,
  refusal,
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

/** What lies in `queue`, in order. */
async function waiting(queue: string): Promise<readonly unknown[]> {
  return bodies(await world.http.browse(queue));
}

interface BindingMembers {
  readonly key?: string;
  readonly match?: object;
}

/** A queue for each binding of a new exchange; publishes `events`; returns what came into each queue. */
async function spread(
  way: Way,
  type: string,
  bindings: readonly BindingMembers[],
  events: readonly Omit<EventMembers, "exchange">[],
): Promise<readonly (readonly unknown[])[]> {
  const exchange = fresh("e");
  await way.declareExchange(exchange, { type });
  const queues: string[] = [];
  for (const { key = "", ...more } of bindings) {
    const queue = await way.declareQueue(fresh("q"));
    await way.bind(exchange, key, queueNamed(queue), more);
    queues.push(queue);
  }
  for (const event of events) await way.publish({ exchange, ...event });
  return Promise.all(queues.map(waiting));
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  test("topic: * is one word, # any number of them", async () => {
    const keys = ["", "order", "order.placed", "order.placed.de", "x.y.de", "order..de"];
    const patterns = ["order.*", "order.#", "#.de", "#", "*", "order.*.de", "#.placed.#", "x.y.de"];
    const arrived = await spread(
      way,
      "topic",
      patterns.map((key) => ({ key })),
      keys.map((key) => ({ key, body: key })),
    );
    expect(Object.fromEntries(patterns.map((pattern, at) => [pattern, arrived[at]]))).toEqual({
      "order.*": ["order.placed"],
      "order.#": ["order", "order.placed", "order.placed.de", "order..de"],
      "#.de": ["order.placed.de", "x.y.de", "order..de"],
      "#": keys,
      "*": ["order"],
      "order.*.de": ["order.placed.de", "order..de"],
      "#.placed.#": ["order.placed", "order.placed.de"],
      "x.y.de": ["x.y.de"],
    });
  });

  test("fanout takes every key, direct the same one", async () => {
    const keys = ["a", "A", "a.b"].map((key) => ({ key, body: key }));
    const bindings = [{ key: "a" }, { key: "#" }, { key: "a.b" }];
    expect(await spread(way, "fanout", bindings, keys)).toEqual([
      ["a", "A", "a.b"],
      ["a", "A", "a.b"],
      ["a", "A", "a.b"],
    ]);
    expect(await spread(way, "direct", bindings, keys)).toEqual([["a"], [], ["a.b"]]);
  });

  test("headers: all or any of them, by type and value; the key does not count", async () => {
    const match = { headers: { country: "de", paid: true } };
    const bindings = [
      { match: { mode: "all", ...match } },
      { match: { mode: "any", ...match }, key: "not.looked.at" },
      { match: { mode: "all", headers: { count: 1, "x-kind": "y" } } },
      { match: { mode: "all", headers: {} } },
      { match: { mode: "any", headers: {} } },
      {},
    ];
    const events = [
      { body: 1, headers: { country: "de", paid: true, more: 1 } },
      { body: 2, headers: { country: "de", paid: "true" } },
      { body: 3, headers: { count: 1, "x-kind": "y" } },
      { body: 4, headers: { count: "1", "x-kind": "y" } },
      { body: 5 },
    ];
    expect(await spread(way, "headers", bindings, events)).toEqual([
      [1],
      [1, 2],
      [3],
      [1, 2, 3, 4, 5],
      [],
      [1, 2, 3, 4, 5],
    ]);
  });

  test("the default exchange reaches every queue by its name, and cannot be bound", async () => {
    const queue = await way.declareQueue(fresh("q with a / and ü"));
    expect(await way.publish({ exchange: "amq.default", key: queue, body: 1 })).toMatchObject({
      routed: 1,
    });
    expect(await waiting(encodeURIComponent(queue))).toEqual([1]);
    const bound = refusal(way.bind("amq.default", "k", queueNamed(queue)));
    expect(await bound).toMatchObject({ code: 107 });
  });

  test("exchanges bound in a circle are passed once, and a queue gets one copy", async () => {
    const [one, two, three] = [fresh("e"), fresh("e"), fresh("e")];
    for (const name of [one, two, three]) await way.declareExchange(name, { type: "fanout" });
    await way.bind(one, "", exchangeNamed(two));
    await way.bind(two, "", exchangeNamed(three));
    await way.bind(three, "", exchangeNamed(one));
    await way.bind(one, "", exchangeNamed(one));
    const [both, last] = [await way.declareQueue(fresh("q")), await way.declareQueue(fresh("q"))];
    for (const [exchange, key] of [
      [one, "a"],
      [one, "b"],
      [two, ""],
      [three, ""],
    ] as const)
      await way.bind(exchange, key, queueNamed(both));
    await way.bind(three, "", queueNamed(last));
    expect(await way.publish({ exchange: one, key: "k", body: 7 })).toMatchObject({ routed: 2 });
    expect(await waiting(both)).toEqual([7]);
    // Under the exchange that it was published to.
    expect(await way.take(last, 1)).toMatchObject([{ exchange: one, key: "k", body: 7 }]);
  });

  test("an alternate exchange gets what no binding takes, as it is; its own alternate what it does not take", async () => {
    const [first, second, third] = [fresh("e"), fresh("e"), fresh("e")];
    await way.declareExchange(third, { type: "fanout" });
    await way.declareExchange(second, { type: "direct", alternate_exchange: third });
    await way.declareExchange(first, { type: "direct", alternate_exchange: second });
    const queues: string[] = [];
    for (const exchange of [first, second, third]) {
      const queue = await way.declareQueue(fresh("q"));
      await way.bind(exchange, exchange, queueNamed(queue));
      queues.push(queue);
    }
    for (const key of [first, second, "nobody's"])
      await way.publish({ exchange: first, key, headers: { key }, body: key });
    const taken = await Promise.all(queues.map((queue) => way.take(queue, 1)));
    expect(taken.flat().map(({ key, headers }) => [key, headers])).toEqual(
      [first, second, "nobody's"].map((key) => [key, { key }]),
    );
    const figures = await Promise.all(queues.map((queue) => world.http.figures(queue)));
    expect(figures.map(({ ready, unsettled }) => ready + unsettled)).toEqual([1, 1, 1]);
  });

  test("an alternate exchange that does not exist is as none; a binding to an exchange takes the event", async () => {
    const [main, deaf, other] = [fresh("e"), fresh("e"), fresh("e")];
    const queue = await way.declareQueue(fresh("q"));
    await way.declareExchange(main, { type: "direct", alternate_exchange: other });
    await way.declareExchange(deaf, { type: "direct" });
    const event = { exchange: main, key: "k", body: 1, mandatory: true };
    expect(await way.publish(event)).toMatchObject({ routed: 0, returned: true });
    await way.declareExchange(other, { type: "fanout" });
    await way.bind(other, "", queueNamed(queue));
    expect(await way.publish(event)).toMatchObject({ routed: 1 });
    await way.bind(main, "k", exchangeNamed(deaf));
    expect(await way.publish(event)).toMatchObject({ routed: 0, returned: true });
    expect(await waiting(queue)).toEqual([1]);
  });

  test("deleting an end of a binding deletes the binding", async () => {
    const [from, to] = [fresh("e"), fresh("e")];
    const queue = await way.declareQueue(fresh("q"));
    for (const name of [from, to]) await way.declareExchange(name, { type: "fanout" });
    await way.bind(from, "", exchangeNamed(to));
    await way.bind(to, "", queueNamed(queue));
    expect(await way.publish({ exchange: from, body: 1 })).toMatchObject({ routed: 1 });
    await world.http.call(`DELETE /v1/exchanges/${to}`);
    await way.declareExchange(to, { type: "fanout" });
    expect(await way.publish({ exchange: from, body: 2 })).toMatchObject({ routed: 0 });
    await way.bind(from, "", queueNamed(queue));
    await world.http.call(`DELETE /v1/queues/${queue}`);
    await way.declareQueue(queue);
    expect(await way.publish({ exchange: from, body: 3 })).toMatchObject({ routed: 0 });
  });
});
