import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { SdkWay } from "./harness/sdk-way.ts";
import { SemanticsWorld } from "./harness/semantics-world.ts";
import { channelNamed, exchangeNamed, queueNamed, refusal } from "./harness/way.ts";

setDefaultTimeout(20_000);

const keys = {
  publisher: ["publish:orders*"],
  consumer: ["consume:tasks"],
  reader: ["read:tasks"],
  builder: ["topology:own.*"],
  undertaker: ["dead-letters:tasks"],
};

let world: SemanticsWorld;
beforeAll(async () => {
  const listed = Object.entries(keys).map(([name, scopes]) => ({ name, key: name, scopes }));
  world = await SemanticsWorld.start({ SWITCHYARD_API_KEYS: JSON.stringify(listed) });
  const { http } = world;
  await http.declareExchange("orders");
  await http.declareExchange("audit");
  await http.declareQueue("tasks");
  await http.declareQueue("other");
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("capabilities of a client", () => {
  /** Each needs exactly the capability beside it. */
  const needs = [
    [
      "exchanges",
      "orders",
      "publish",
      (way) => way.call("exchange.publish", { exchange: "orders", body: 1 }),
    ],
    [
      "queues",
      "tasks",
      "publish",
      (way) => way.call("exchange.publish", { exchange: "", key: "tasks", body: 1 }),
    ],
    [
      "exchanges",
      "amq.default",
      "publish",
      (way) => way.call("exchange.publish", { exchange: "amq.default", key: "tasks", body: 1 }),
    ],
    ["queues", "tasks", "consume", (way) => way.consume("tasks")],
    ["queues", "tasks", "purge", (way) => way.call("queue.purge", { name: "tasks" })],
    ["queues", "tasks", "declare", (way) => way.declareQueue("tasks")],
    ["queues", "passing", "delete", (way) => way.call("queue.delete", { name: "passing" })],
    ["exchanges", "orders", "declare", (way) => way.declareExchange("orders")],
    ["exchanges", "passing", "delete", (way) => way.call("exchange.delete", { name: "passing" })],
  ] as const satisfies readonly (readonly [
    string,
    string,
    string,
    (way: SdkWay) => Promise<unknown>,
  ])[];

  test.each(needs)("%s %s: %s, and nothing less", async (kind, name, verb, work) => {
    await world.http.declareQueue("passing");
    await world.http.declareExchange("passing");
    const everythingElse = needs
      .filter((need) => need[1] !== name || need[2] !== verb)
      .map((need) => ({ [need[0]]: [need[1]], allow: [need[2]] }));
    const without = await world.client(
      "ann",
      everythingElse.filter((cap) => !isAnotherWay(cap, name)),
    );
    const refused = await refusal(work(without));
    expect(refused).toMatchObject({ code: 103, message: expect.stringContaining(verb) });
    const allowed = await world.client("ann", [{ [kind]: [name], allow: [verb] }]);
    expect(await refusal(work(allowed))).toBeUndefined();
  });

  /** A queue may be published to by two capabilities. */
  function isAnotherWay(cap: Readonly<Record<string, unknown>>, name: string): boolean {
    const text = JSON.stringify(cap);
    const isEither = text.includes('"tasks"') || text.includes('"amq.default"');
    return (name === "tasks" || name === "amq.default") && isEither && text.includes('"publish"');
  }

  test("a binding needs bind at both ends; a channel's template as it is written", async () => {
    const ends = [
      [queueNamed("tasks"), { queues: ["tasks"] }],
      [exchangeNamed("audit"), { exchanges: ["audit"] }],
      [channelNamed("orders:{key.1}"), { channels: ["orders:{key.1}"] }],
    ] as const;
    for (const [destination, end] of ends) {
      const start = { exchanges: ["orders"], allow: ["bind"] };
      for (const caps of [[start], [{ ...end, allow: ["bind"] }]]) {
        const client = await world.client("ann", caps);
        const refused = await refusal(client.bind("orders", "k", destination));
        expect(refused).toMatchObject({ code: 103, message: expect.stringContaining("bind") });
      }
      const client = await world.client("ann", [start, { ...end, allow: ["bind"] }]);
      expect(await refusal(client.bind("orders", "k", destination))).toBeUndefined();
    }
  });

  test("where events are handed on to, the declarer must be able to publish", async () => {
    const declare = [
      { queues: ["mine"], allow: ["declare"] },
      { exchanges: ["mine"], allow: ["declare"] },
    ];
    const client = await world.client("ann", declare);
    const letters = { dead_letter_exchange: "amq.default", dead_letter_key: "tasks" };
    expect(await refusal(client.declareQueue("mine", letters))).toMatchObject({ code: 103 });
    const alternate = { type: "fanout", alternate_exchange: "audit" };
    expect(await refusal(client.declareExchange("mine", alternate))).toMatchObject({ code: 103 });
    const able = await world.client("ann", [
      ...declare,
      { queues: ["tasks"], allow: ["publish"] },
      { exchanges: ["audit"], allow: ["publish"] },
    ]);
    expect(await refusal(able.declareQueue("mine", letters))).toBeUndefined();
    expect(await refusal(able.declareExchange("mine", alternate))).toBeUndefined();
  });

  test("a wildcard stands for any text; without it names are as they are", async () => {
    const allow = ["consume"];
    const exact = await world.client("ann", [{ queues: ["t*"], allow }]);
    expect(await refusal(exact.consume("tasks"))).toMatchObject({ code: 103 });
    const wildcard = await world.client("ann", [{ queues: ["t*"], match: "wildcard", allow }]);
    expect(await refusal(wildcard.consume("tasks"))).toBeUndefined();
    expect(await refusal(wildcard.consume("other"))).toMatchObject({ code: 103 });
  });
});

describe("scopes of an API key", () => {
  const requests = [
    ["publisher", "POST /v1/exchanges/orders/publish", { body: 1 }],
    ["consumer", "POST /v1/queues/tasks/pull", {}],
    ["reader", "GET /v1/queues/tasks", undefined],
    ["reader", "GET /v1/queues/tasks/messages", undefined],
    ["builder", "PUT /v1/queues/own.q", {}],
    ["builder", "PUT /v1/exchanges/own.e", { type: "fanout" }],
    ["undertaker", "POST /v1/queues/tasks/replay", {}],
    ["undertaker", "POST /v1/queues/tasks/discard", {}],
  ] as const;

  test.each(requests)("only %s may %s", async (owner, request, body) => {
    for (const name of Object.keys(keys)) {
      const refused = await refusal(world.httpWith(name).call(request, body));
      expect([name, refused?.code]).toEqual([name, name === owner ? undefined : 103]);
    }
  });

  test("a name outside the scope is refused; lists leave it out", async () => {
    const publisher = world.httpWith("publisher");
    expect(await publisher.publish({ exchange: "audit", body: 1 })).toMatchObject({ code: 103 });
    const builder = world.httpWith("builder");
    await builder.declareQueue("own.bound");
    const bound = builder.bind("orders", "", queueNamed("own.bound"));
    expect(await refusal(bound)).toMatchObject({ code: 103 });
    const { queues } = await world
      .httpWith("reader")
      .call<{ readonly queues: readonly { readonly name: string }[] }>("GET /v1/queues");
    expect(queues.map(({ name }) => name)).toEqual(["tasks"]);
  });
});
