import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import {
  bodies,
  channelNamed,
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

interface Topology {
  readonly exchanges: readonly { readonly name: string }[];
  readonly queues: readonly { readonly name: string }[];
  readonly bindings: readonly object[];
}

function exported(): Promise<Topology> {
  return world.http.call("GET /v1/topology");
}

function imported(topology: object): Promise<object> {
  return world.http.call("POST /v1/topology", topology);
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  test("declaring again changes nothing; with other properties it is refused, naming what differs", async () => {
    const members = {
      durable: false,
      max_length: 5,
      overflow: "reject-publish",
      retry: { initial_ms: 100, maximum_ms: 1_000, jitter: 0.5 },
    };
    const queue = await way.declareQueue(fresh("q"), members);
    await way.publish({ exchange: "amq.default", key: queue, body: 1 });
    await way.declareQueue(queue, members);
    expect(await world.http.figures(queue)).toMatchObject({ ready: 1 });
    const changes = [
      [{ ...members, max_length: 6, ttl_ms: 1 }, ["max_length", "ttl_ms"]],
      [{ ...members, retry: { ...members.retry, jitter: 0 } }, ["retry"]],
      [{ ...members, durable: true, overflow: "drop-head" }, ["durable", "overflow"]],
      [
        { ...members, dead_letter_exchange: "amq.topic", dead_letter_key: "k" },
        ["dead_letter_exchange", "dead_letter_key"],
      ],
      [
        { ...members, max_attempts: 1, single_active_consumer: true },
        ["max_attempts", "single_active_consumer"],
      ],
      [
        { ...members, auto_delete: true, expires_ms: 1, max_bytes: 1 },
        ["auto_delete", "expires_ms", "max_bytes"],
      ],
    ] as const;
    for (const [other, differing] of changes) {
      const refused = await refusal(way.declareQueue(queue, other));
      expect(refused).toMatchObject({ code: 406 });
      const named = refused?.message.split("properties: ")[1]?.replace(".", "").split(", ");
      expect(named?.toSorted()).toEqual([...differing]);
    }
    const exchange = fresh("e");
    await way.declareExchange(exchange, { type: "topic" });
    await way.declareExchange(exchange, { type: "topic" });
    const other = { type: "direct", alternate_exchange: "amq.fanout" };
    expect(await refusal(way.declareExchange(exchange, other))).toMatchObject({
      code: 406,
      message: expect.stringMatching(/: (alternate_exchange, type|type, alternate_exchange)\.$/),
    });
  });

  test.each([
    ["an unknown type", { type: "x" }, undefined],
    ["an unknown member", { type: "topic", durabel: true }, undefined],
    ["an unknown overflow", undefined, { overflow: "drop-tail" }],
    ["a ttl below 0", undefined, { ttl_ms: -1 }],
    ["no attempts", undefined, { max_attempts: 0 }],
    ["a maximum below the first wait", undefined, { retry: { initial_ms: 2, maximum_ms: 1 } }],
  ])("%s is refused", async (_, exchange, queue) => {
    const declared = exchange
      ? way.declareExchange(fresh("e"), exchange)
      : way.declareQueue(fresh("q"), queue);
    expect(await refusal(declared)).toMatchObject({ code: 107 });
  });

  test("what is built in or reserved is neither declared nor deleted", async () => {
    for (const name of ["amq.topic", "amq.mine", "switchyard.mine", "amq.default", "a\nb"])
      expect(await refusal(way.declareExchange(name))).toMatchObject({ code: 107 });
    for (const name of ["amq.q", "switchyard.dead-letters", "switchyard.q"])
      expect(await refusal(way.declareQueue(name))).toMatchObject({ code: 107 });
    for (const path of ["exchanges/amq.topic", "queues/switchyard.dead-letters"])
      expect(await refusal(world.http.call(`DELETE /v1/${path}`))).toMatchObject({ code: 107 });
  });

  test("a binding's ends must be there; binding again changes nothing", async () => {
    const queue = await way.declareQueue(fresh("q"));
    for (const [from, to] of [
      [fresh("e"), queueNamed(queue)],
      ["amq.topic", queueNamed(fresh("q"))],
      ["amq.topic", exchangeNamed(fresh("e"))],
    ] as const)
      expect(await refusal(way.bind(from, "k", to))).toMatchObject({ code: 404 });
    const own = fresh("k");
    for (const _ of [1, 2]) await way.bind("amq.topic", own, queueNamed(queue));
    await way.bind("amq.topic", `${own}.#`, queueNamed(queue));
    const event = { exchange: "amq.topic", key: own, body: 1 };
    expect(await way.publish(event)).toMatchObject({ routed: 1 });
    const between = (await exported()).bindings.filter((one) => JSON.stringify(one).includes(own));
    expect(between).toHaveLength(2);
  });
});

test("deleting a binding: by rpc and over HTTP; one that is not there is 404", async () => {
  const client = await world.client();
  const queue = await client.declareQueue(fresh("q"));
  const key = fresh("k");
  const binding = { exchange: "amq.direct", key, destination: queueNamed(queue) };
  const event = { exchange: "amq.direct", key, body: 1 };
  for (const remove of [
    () => client.call("binding.delete", binding),
    () => world.http.call("DELETE /v1/bindings", binding),
  ]) {
    await client.bind("amq.direct", key, queueNamed(queue));
    expect(await client.publish(event)).toMatchObject({ routed: 1 });
    await remove();
    expect(await client.publish(event)).toMatchObject({ routed: 0 });
    expect(await refusal(remove())).toMatchObject({ code: 404 });
  }
});

test("an import that differs anywhere names all that does, and changes nothing", async () => {
  const [exchange, queue, channel] = [fresh("e"), fresh("q"), fresh("plain:c")];
  const { http } = world;
  await http.declareExchange(exchange, { type: "topic" });
  await http.declareQueue(queue, { ttl_ms: 5 });
  await http.bind(exchange, "k", channelNamed(channel));
  const before = await exported();
  const news = {
    exchanges: [{ name: fresh("new"), type: "fanout" }],
    queues: [{ name: fresh("new") }],
  };
  const [newQueue] = news.queues;
  const refused = async (document: Partial<Topology>): Promise<unknown> => {
    const answer = await refusal(
      imported({
        exchanges: [...news.exchanges, ...(document.exchanges ?? [])],
        queues: [...news.queues, ...(document.queues ?? [])],
        bindings: document.bindings ?? [],
      }),
    );
    expect(await exported()).toEqual(before);
    return [
      answer?.code,
      [exchange, queue, "new"].filter((name) => answer?.message.includes(name)),
    ];
  };
  const otherExchange = { name: exchange, type: "direct" };
  const otherQueue = { name: queue, ttl_ms: 6 };
  expect(await refused({ exchanges: [otherExchange], queues: [otherQueue] })).toEqual([
    406,
    [exchange, queue],
  ]);
  const live = { exchange, key: "k", destination: channelNamed(channel), durable: false };
  expect(await refused({ bindings: [live] })).toEqual([406, [exchange]]);
  // Also what differs within the document.
  expect(
    await refused({ queues: [{ name: newQueue?.name ?? "", max_length: 1 } as never] }),
  ).toEqual([406, ["new"]]);
  const nowhere = { exchange, key: "", destination: queueNamed(fresh("gone")) };
  expect(await refused({ bindings: [nowhere] })).toEqual([404, []]);
  expect(await imported(news)).toEqual({ exchanges: 1, queues: 1, bindings: 0 });
});

test("exported, everything is there again after an import: every property, nothing of connections", async () => {
  const { http } = world;
  const [exchange, queue] = [fresh("e"), fresh("q")];
  const members = {
    durable: false,
    auto_delete: true,
    expires_ms: 600_000,
    ttl_ms: 5_000,
    max_length: 7,
    max_bytes: 8_000,
    overflow: "dead-letter",
    dead_letter_exchange: "amq.default",
    dead_letter_key: "k",
    max_attempts: 3,
    retry: { initial_ms: 10, maximum_ms: 20, jitter: 0.25 },
    single_active_consumer: true,
  };
  await http.declareExchange(exchange, { type: "headers", alternate_exchange: "amq.default" });
  await http.declareQueue(queue, members);
  const match = { mode: "any", headers: { a: 1, b: true, c: "x" } };
  await http.bind(exchange, "", queueNamed(queue), { match });
  await http.bind(exchange, "", channelNamed("plain:{headers.a}"), { durable: false });
  await http.bind(exchange, "x", exchangeNamed("amq.fanout"));
  const client = await world.client();
  await client.bind("amq.fanout", "", queueNamed(await client.declareQueue("")));
  const document = await exported();
  expect(document.queues.find(({ name }) => name === queue)).toEqual({ name: queue, ...members });
  expect(JSON.stringify(document)).not.toContain("switchyard.");
  await http.call(`DELETE /v1/queues/${queue}`);
  await http.call(`DELETE /v1/exchanges/${exchange}`);
  expect(await imported(document)).toEqual({ exchanges: 1, queues: 1, bindings: 3 });
  expect(sorted(await exported())).toEqual(sorted(document));
});

function sorted({ exchanges, queues, bindings }: Topology): readonly string[] {
  return [...exchanges, ...queues, ...bindings].map((one) => JSON.stringify(one)).toSorted();
}

test("a restart keeps topology and messages; what may have been delivered says so, and costs no attempt", async () => {
  const { http } = world;
  const client = await world.client();
  const [durable, transient] = [fresh("q"), fresh("q")];
  await http.declareQueue(durable);
  await http.declareQueue(transient, { durable: false });
  const exclusive = await client.declareQueue("");
  const exchange = fresh("e");
  await http.declareExchange(exchange, { type: "fanout" });
  for (const queue of [durable, transient]) await http.bind(exchange, "", queueNamed(queue));
  for (const body of [1, 2]) await http.publish({ exchange, body });
  await http.take(durable, 1);
  const before = sorted(await exported());
  await world.sdk.restart();
  expect(sorted(await exported())).toEqual(before);
  const again = await http.take(durable, 2);
  expect(bodies(again)).toEqual([1, 2]);
  expect(again[0]).toMatchObject({ redelivered: true, attempt: 1 });
  expect(bodies(await http.take(transient, 2))).toEqual([1, 2]);
  expect(await refusal(http.figures(exclusive))).toMatchObject({ code: 404 });
});
