import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import { bodies, fresh, queueNamed, type Way } from "./harness/way.ts";

setDefaultTimeout(20_000);

const otherKey = "another key of the tests";

let world: SemanticsWorld;
beforeAll(async () => {
  world = await SemanticsWorld.start({
    SWITCHYARD_BROKER_ID_WINDOW: "1s",
    SWITCHYARD_CLIENT_ALLOW_ANONYMOUS: "true",
    SWITCHYARD_API_KEYS: JSON.stringify([{ name: "other", key: otherKey, scopes: ["publish"] }]),
  });
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function waiting(queue: string): Promise<readonly unknown[]> {
  return bodies(await world.http.browse(queue));
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  async function lead(): Promise<{ readonly exchange: string; readonly queue: string }> {
    const exchange = fresh("e");
    await way.declareExchange(exchange, { type: "topic" });
    const queue = await way.declareQueue(fresh("q"));
    await way.bind(exchange, "taken.#", queueNamed(queue));
    return { exchange, queue };
  }

  test("an id is remembered per exchange", async () => {
    const { exchange, queue } = await lead();
    const event = { key: queue, id: "same", body: 1 };
    expect(await way.publish({ exchange: "amq.default", ...event })).toEqual({
      id: "same",
      routed: 1,
    });
    expect(await way.publish({ exchange, ...event, key: "taken" })).toEqual({
      id: "same",
      routed: 1,
    });
    // By its id alone, whatever else is in it.
    expect(await way.publish({ exchange, ...event, key: "taken", body: 2 })).toMatchObject({
      duplicate: true,
    });
    expect(await waiting(queue)).toEqual([1, 1]);
  });

  test("the same id at once: all are confirmed, one is delivered", async () => {
    const { queue } = await lead();
    const event = { exchange: "amq.default", key: queue, id: "race" };
    const outcomes = await Promise.all([1, 2, 3, 4].map((body) => way.publish({ ...event, body })));
    expect(outcomes.filter(({ duplicate }) => duplicate)).toHaveLength(3);
    expect(outcomes.every(({ id }) => id === "race")).toBe(true);
    expect(await waiting(queue)).toHaveLength(1);
  });

  test("an id is forgotten after its time", async () => {
    const { queue } = await lead();
    const event = { exchange: "amq.default", key: queue, id: "forgotten", body: 1 };
    const began = performance.now();
    await way.publish(event);
    await until(async () => (await way.publish(event)).duplicate === undefined);
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(await waiting(queue)).toEqual([1, 1]);
  });

  test("what nobody takes is counted, and its id is not remembered", async () => {
    const { exchange, queue } = await lead();
    const event = { exchange, key: "left", id: "i", body: 1 };
    expect(await way.publish(event)).toEqual({ id: "i", routed: 0 });
    expect(await way.publish({ ...event, mandatory: true })).toMatchObject({ returned: true });
    await way.bind(exchange, "left", queueNamed(queue));
    expect(await way.publish(event)).toEqual({ id: "i", routed: 1 });
    const { exchanges } = await world.http.call<{
      readonly exchanges: readonly Readonly<Record<string, unknown>>[];
    }>("GET /v1/exchanges");
    expect(exchanges.find(({ name }) => name === exchange)).toMatchObject({
      published: 3,
      unroutable: 2,
    });
  });

  test("an exchange that does not exist is an error, also for what is not mandatory", async () => {
    expect(await way.publish({ exchange: fresh("e"), body: 1 })).toMatchObject({ code: 404 });
  });

  test("bytes come as bytes, with their content type", async () => {
    const { queue } = await lead();
    const bytes = { b64body: "AP8Q", content_type: "image/x-test" };
    await way.publish({ exchange: "amq.default", key: queue, ...bytes });
    await way.publish({ exchange: "amq.default", key: queue, body: null });
    const [first, second] = await way.take(queue, 2);
    expect(first).toMatchObject(bytes);
    expect(first?.body).toBeUndefined();
    expect(second?.body).toBeNull();
  });

  test("an id that the server makes is the delivery's", async () => {
    const { queue } = await lead();
    const { id } = await way.publish({ exchange: "amq.default", key: queue, body: 1 });
    expect(await way.take(queue, 1)).toMatchObject([{ id }]);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ["priority", { priority: 10 }],
    ["priority", { priority: "5" }],
    ["delay_ms", { delay_ms: -1 }],
    ["deliver_at", { delay_ms: 1, deliver_at: 1 }],
    ["ttl_ms", { ttl_ms: 1.5 }],
    ["headers", { headers: { nested: {} } }],
    ["id", { id: "" }],
    ["key", { key: "x".repeat(256) }],
    ["mandatory", { mandatory: "yes" }],
    ["b64body", { b64body: "AA==" }],
    ["tt1_ms", { tt1_ms: 5 }],
  ] as const)("what cannot be right is refused, naming %s: %p", async (field, members) => {
    const refused = await way.publish({ exchange: "amq.default", key: "q", body: 1, ...members });
    expect(refused).toMatchObject({ code: 107, message: expect.stringContaining(field) });
  });
});

test("an id is remembered per publisher: a user, an anonymous connection, an API key", async () => {
  const queue = await world.http.declareQueue(fresh("q"));
  const event = { exchange: "amq.default", key: queue, id: "mine", body: 1 };
  const publishers = [
    await world.client("ann"),
    await world.client("bob"),
    await world.client(""),
    await world.client(""),
    world.http,
    world.httpWith(otherKey),
  ];
  for (const publisher of publishers)
    expect(await publisher.publish(event)).toEqual({ id: "mine", routed: 1 });
  // A user's other connection is the same publisher.
  const again = await world.client("ann");
  expect(await again.publish(event)).toMatchObject({ duplicate: true });
  expect(await waiting(queue)).toHaveLength(publishers.length);
});

test("events of one connection arrive in the order of their publication", async () => {
  const client = await world.client();
  const queue = await world.http.declareQueue(fresh("q"));
  const numbers = Array.from({ length: 400 }, (_, n) => n);
  await Promise.all(
    numbers.map((body) => client.publish({ exchange: "amq.default", key: queue, body })),
  );
  expect(bodies(await client.take(queue, numbers.length))).toEqual(numbers);
});
