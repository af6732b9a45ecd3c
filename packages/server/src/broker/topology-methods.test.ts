import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { turn } from "@switchyard/testkit";
import { allow, BrokerWorld, plainQueue } from "./harness/broker-world.ts";

const generated = /^switchyard\.gen-[0-9a-f-]{36}$/;

describe("declaring", () => {
  test("an exchange and a queue, with members as over HTTP", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    const exchange = { name: "orders", type: "topic", alternate_exchange: "rest" };
    expect(await client.call("exchange.declare", exchange)).toEqual({
      name: "orders",
      created: true,
    });
    expect(world.broker.declaredExchanges).toEqual([
      { name: "orders", type: "topic", alternateExchange: "rest" },
    ]);
    const queue = {
      name: "tasks",
      ttl_ms: 5,
      max_length: 7,
      overflow: "reject-publish",
      dead_letter_exchange: "dead",
      dead_letter_key: "k",
      max_attempts: 3,
      retry: { initial_ms: 1, maximum_ms: 2 },
    };
    expect(await client.call("queue.declare", queue)).toEqual({ name: "tasks", created: true });
    expect(await client.call("queue.declare", queue)).toEqual({ name: "tasks", created: false });
    expect(world.broker.declaredQueues.get("tasks")).toEqual({
      ...plainQueue("tasks"),
      ttlMs: 5,
      maxLength: 7,
      overflow: "reject-publish",
      deadLetterExchange: "dead",
      deadLetterKey: "k",
      maxAttempts: 3,
      retry: { initialMs: 1, maximumMs: 2, jitter: 0 },
    });
  });

  test("a queue without a name: the server names it; it is its connection's and ends with it", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect([allow("queues", ["switchyard.gen-*"], "declare")]);
    const names: string[] = [];
    for (const request of [{}, { name: "" }, { ttl_ms: 5 }]) {
      const { name } = (await client.call("queue.declare", request)) as { readonly name: string };
      expect(name).toMatch(generated);
      names.push(name);
    }
    expect(new Set(names).size).toBe(3);
    expect(world.broker.declaredQueues.get(names[0] ?? "")).toMatchObject({
      exclusiveTo: client.raw.connection.id,
      autoDelete: true,
      durable: false,
    });
    expect(await client.call("queue.declare", { durable: true })).toMatch(/^107 durable/);
    // Its own connection may do with it what it likes.
    const [first = "", second = ""] = names;
    expect(await client.call("queue.consume", { queue: first })).toEqual({ consumer: "c-1" });
    expect(await client.call("queue.purge", { name: first })).toEqual({ messages: 5 });
    expect(await client.call("queue.delete", { name: second })).toEqual({ messages: 3 });
    client.raw.vanish();
    await turn();
    expect(world.broker.declaredQueues.size).toBe(0);
  });

  test("a queue that is exclusive has the name given, is transient by default, and is locked for others", async () => {
    await using world = await BrokerWorld.start();
    const [owner, stranger] = [await world.connect(), await world.connect()];
    await owner.call("queue.declare", { name: "mine", exclusive: true });
    await owner.call("queue.declare", { name: "kept", exclusive: true, durable: true });
    const { declaredQueues } = world.broker;
    expect(declaredQueues.get("mine")).toEqual({
      ...plainQueue("mine", owner.raw.connection.id),
      durable: false,
    });
    expect(declaredQueues.get("kept")?.durable).toBe(true);
    const binding = { exchange: "e", destination: { type: "queue", name: "mine" } };
    for (const [method, data] of [
      ["queue.delete", { name: "mine" }],
      ["queue.purge", { name: "mine" }],
      ["binding.create", binding],
      ["binding.delete", binding],
    ] as const)
      expect(await stranger.call(method, data)).toMatch(/^405 .*"mine"/);
    expect(await owner.call("binding.create", binding)).toEqual({ created: true });
    stranger.raw.vanish();
    await turn();
    expect([...declaredQueues.keys()]).toEqual(["mine", "kept"]);
    owner.raw.vanish();
    await turn();
    expect([...declaredQueues.keys()]).toEqual([]);
  });

  test("an exclusive queue goes too when its connection ends while it is being declared", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    const declared = Promise.withResolvers<void>();
    world.broker.declared = declared.promise;
    client.raw.send({ rpc: { method: "queue.declare", data: {} } });
    await turn();
    client.raw.vanish();
    declared.resolve();
    await turn();
    expect([...world.broker.declaredQueues.keys()]).toEqual([]);
    expect(world.broker.done.join()).toMatch(/^delete switchyard\.gen-[0-9a-f-]{36}$/);
    expect(world.connections.size).toBe(0);
  });

  test("the name of an exclusive queue that had deleted itself is another one's by then", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    await client.call("queue.declare", { name: "mine", exclusive: true });
    world.broker.declaredQueues.set("mine", plainQueue("mine", "another connection"));
    client.raw.vanish();
    await turn();
    expect([...world.broker.declaredQueues.keys()]).toEqual(["mine"]);
  });

  test("a queue that has the name of an exclusive one that is gone is nobody's own", async () => {
    await using world = await BrokerWorld.start();
    const { declaredQueues } = world.broker;
    const client = await world.connect([allow("queues", ["mine"], "declare")]);
    await client.call("queue.declare", { name: "mine", exclusive: true });
    declaredQueues.delete("mine");
    expect(await client.call("queue.delete", { name: "mine" })).toMatch(/^404 .*"mine"/);
    await client.call("queue.declare", { name: "mine", exclusive: true });
    declaredQueues.set("mine", plainQueue("mine"));
    const binding = { exchange: "e", destination: { type: "queue", name: "mine" } };
    for (const [method, data] of [
      ["queue.consume", { queue: "mine" }],
      ["queue.purge", { name: "mine" }],
      ["queue.delete", { name: "mine" }],
      ["binding.create", binding],
    ] as const)
      expect(await client.call(method, data)).toMatch(/^103 /);
    expect([...declaredQueues.keys()]).toEqual(["mine"]);
  });

  test("an exclusive queue's end is tried again while the store is away", async () => {
    await using world = await BrokerWorld.start();
    const { broker, clock } = world;
    const client = await world.connect();
    await client.call("queue.declare", { name: "mine", exclusive: true });
    const deleteQueue = broker.deleteQueue.bind(broker);
    let tries = 0;
    broker.deleteQueue = (...args) => {
      tries += 1;
      return tries < 3
        ? Promise.reject(new SwitchyardError("storeUnavailable"))
        : deleteQueue(...args);
    };
    client.raw.vanish();
    await clock.advance(1_000);
    expect([tries, broker.declaredQueues.size]).toEqual([3, 0]);
  });

  test("at most 256 exclusive queues a connection; those that have gone do not count", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    for (let count = 0; count < 256; count += 1) await client.call("queue.declare", {});
    expect(await client.call("queue.declare", {})).toMatch(/^106 .*256/);
    const [gone = ""] = world.broker.declaredQueues.keys();
    world.broker.declaredQueues.delete(gone);
    expect(await client.call("queue.declare", {})).toMatchObject({ created: true });
  });

  test.each([
    ["exchange.declare", { name: "e" }, /type/],
    ["exchange.declare", { name: "", type: "topic" }, /name/],
    ["queue.declare", { name: "q", max_lenght: 5 }, /max_lenght.*max_length/],
    ["queue.declare", { name: "q", ttl_ms: -1 }, /ttl_ms/],
    ["queue.declare", [], /data/],
    ["queue.delete", {}, /name/],
    ["queue.delete", { name: "q", if_empty: 1 }, /if_empty/],
    ["binding.create", { exchange: "e" }, /destination/],
  ] as const)("%s %j is refused, and says why", async (method, data, why) => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    expect(await client.call(method, data)).toMatch(new RegExp(`^107 .*${why.source}`));
  });
});

test("deleting, purging, binding", async () => {
  await using world = await BrokerWorld.start("a", "b");
  const client = await world.connect();
  const binding = {
    exchange: "e",
    key: "a.*",
    match: { mode: "any", headers: { h: 1 } },
    destination: { type: "queue", name: "a" },
  };
  const answers = [
    await client.call("binding.create", binding),
    await client.call("binding.delete", binding),
    await client.call("exchange.delete", { name: "e", if_unused: true }),
    await client.call("queue.purge", { name: "a" }),
    await client.call("queue.delete", { name: "a", if_empty: true }),
    await client.call("queue.delete", { name: "b", if_unused: true }),
  ];
  expect(answers).toEqual([
    { created: true },
    {},
    {},
    { messages: 5 },
    { messages: 3 },
    { messages: 3 },
  ]);
  expect(world.broker.bound).toEqual([{ ...binding, durable: true }] as never); // the test's literals
  expect(world.broker.done).toEqual([
    "unbind e a",
    "delete exchange e if unused",
    "purge a",
    "delete a if empty",
    "delete b if unused",
  ]);
});

describe("permissions", () => {
  const queue = allow("queues", ["q"], "declare");
  const bindings = (type: string) => ({ exchange: "e", destination: { type, name: "d" } });
  test.each([
    ["exchange.declare", { name: "e", type: "topic" }, [queue], "declare on exchange", "e"],
    [
      "exchange.declare",
      { name: "e", type: "topic", alternate_exchange: "a" },
      [allow("exchanges", ["*"], "declare")],
      "publish on exchange",
      "a",
    ],
    [
      "exchange.delete",
      { name: "e" },
      [allow("exchanges", ["e"], "declare")],
      "delete on exchange",
      "e",
    ],
    ["queue.declare", { name: "r" }, [queue], "declare on queue", "r"],
    [
      "queue.declare",
      { name: "q", dead_letter_exchange: "x" },
      [queue],
      "publish on exchange",
      "x",
    ],
    ["queue.delete", { name: "q" }, [queue], "delete on queue", "q"],
    ["queue.purge", { name: "q" }, [queue], "purge on queue", "q"],
    [
      "binding.create",
      bindings("queue"),
      [allow("queues", ["*"], "bind")],
      "bind on exchange",
      "e",
    ],
    [
      "binding.create",
      bindings("queue"),
      [allow("exchanges", ["*"], "bind")],
      "bind on queue",
      "d",
    ],
    [
      "binding.delete",
      bindings("channel"),
      [allow("exchanges", ["*"], "bind")],
      "bind on channel",
      "d",
    ],
    [
      "binding.create",
      bindings("exchange"),
      [allow("exchanges", ["e"], "bind")],
      "bind on exchange",
      "d",
    ],
  ] as const)("%s %j: refused without what it needs", async (method, data, caps, needs, name) => {
    await using world = await BrokerWorld.start("q");
    const client = await world.connect(caps);
    expect(await client.call(method, data)).toBe(
      `103 permission denied: this needs ${needs} "${name}"`,
    );
    expect([world.broker.done, world.broker.bound, world.broker.declaredExchanges]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test("a server-named queue needs declare on its name", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect([queue]);
    expect(await client.call("queue.declare", {})).toMatch(
      /^103 .* declare on queue "switchyard\.gen-/,
    );
  });
});
