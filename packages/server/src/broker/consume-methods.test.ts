import { describe, expect, test } from "bun:test";
import { type Delivery, SwitchyardError } from "@switchyard/core";
import { turn } from "@switchyard/testkit";
import { trustJsonText } from "@switchyard/protocol";
import { allow, type BrokerClient, BrokerWorld } from "./harness/broker-world.ts";
import type { ScriptedConsumer } from "./harness/scripted-broker.ts";

/** A client that consumes from the queue `tasks`. */
async function consuming(
  world: BrokerWorld,
): Promise<{ readonly client: BrokerClient; readonly consumer: ScriptedConsumer }> {
  const client = await world.connect();
  await client.call("queue.consume", { queue: "tasks" });
  const consumer = world.broker.consumers.at(-1);
  if (!consumer) throw new Error("nobody consumes");
  return { client, consumer };
}

describe("consume", () => {
  test("asks for the queue with a prefetch, 100 by default; the answer names the consumer", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect();
    expect(await client.call("queue.consume", { queue: "tasks" })).toEqual({ consumer: "c-1" });
    expect(await client.call("queue.consume", { queue: "tasks", prefetch: 5_000 })).toEqual({
      consumer: "c-2",
    });
    const connection = client.raw.connection.id;
    expect(world.broker.consumers.map(({ request }) => request)).toEqual([
      { queue: "tasks", prefetch: 100, connection },
      { queue: "tasks", prefetch: 5_000, connection },
    ]);
    for (const prefetch of [0, 5_001, 1.5, "1"])
      expect(await client.call("queue.consume", { queue: "tasks", prefetch })).toMatch(
        /^107 .*prefetch/,
      );
    expect(await client.call("queue.consume", { queue: "other" })).toMatch(/^404 .*other/);
    expect(world.broker.consumers).toHaveLength(2);
  });

  test("no delivery overtakes the answer, whenever the broker delivers", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect();
    world.broker.onConsume = (consumer) => {
      expect(consumer.sink.hasRoom()).toBe(false);
      consumer.deliver({ id: "within" });
      queueMicrotask(() => consumer.deliver({ id: "a microtask later" }));
      void Promise.resolve()
        .then(() => {})
        .then(() => consumer.deliver({ id: "three later" }));
    };
    client.raw.send({ rpc: { method: "queue.consume", data: { queue: "tasks" } } });
    await turn();
    const [consumer] = world.broker.consumers;
    expect(consumer?.sink.hasRoom()).toBe(true);
    expect(consumer?.heard).toEqual(["resume"]);
    const order = client.raw.messages.slice(1).map(({ rpc, push }) => {
      const { message } = (push ?? {}) as { readonly message?: { readonly data: { id: string } } };
      return rpc ? "answer" : message?.data.id;
    });
    expect(order).toEqual(["answer", "within", "a microtask later", "three later"]);
  });

  test("a queue that ends before the answer is told of after it", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect();
    world.broker.onConsume = ({ sink }) => sink.cancelled("deleted");
    expect(await client.call("queue.consume", { queue: "tasks" })).toEqual({ consumer: "c-1" });
    const told = { type: "cancelled", consumer: "c-1", queue: "tasks", reason: "deleted" };
    expect(client.told).toEqual([told]);
    expect(await client.call("queue.cancel", { consumer: "c-1" })).toMatch(/^404 /);
  });

  test("a connection that ends before the answer leaves nothing behind", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect();
    client.raw.send({ rpc: { method: "queue.consume", data: { queue: "tasks" } } });
    client.raw.vanish();
    await turn();
    expect(world.broker.consumers.map(({ heard }) => heard)).toEqual([["close"]]);
    expect(world.connections.size).toBe(0);
  });

  test("has at most 256 consumers a connection, and forgets those that are over", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect();
    for (let count = 0; count < 256; count += 1)
      await client.call("queue.consume", { queue: "tasks" });
    expect(await client.call("queue.consume", { queue: "tasks" })).toMatch(/^106 .*256/);
    expect(world.broker.consumers).toHaveLength(256);
    await client.call("queue.cancel", { consumer: "c-7" });
    expect(await client.call("queue.consume", { queue: "tasks" })).toEqual({ consumer: "c-257" });
  });

  test("needs consume on the queue", async () => {
    await using world = await BrokerWorld.start("tasks");
    const client = await world.connect([allow("queues", ["tasks"], "publish purge")]);
    expect(await client.call("queue.consume", { queue: "tasks" })).toBe(
      '103 permission denied: this needs consume on queue "tasks"',
    );
    expect(world.broker.consumers).toEqual([]);
  });
});

describe("deliveries", () => {
  test("are text around the body as it came in; what says nothing is left out", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver(
      {
        headers: trustJsonText('{"h": 1}'),
        body: trustJsonText('{"n": 9007199254740993}'),
      },
      {
        id: 'a"b',
        exchange: "",
        key: "é",
        body: Uint8Array.of(0, 255),
        contentType: "image/png",
        redelivered: true,
        attempt: 2,
        priority: 9,
        deaths: trustJsonText("[1.0]"),
      },
      { exchange: "orders" },
    );
    const head = '{"push":{"message":{"data":{"type":"delivery","consumer":"c-1","queue":"tasks"';
    const tail = '"redelivered":false,"attempt":1,"published_at":1700000000000}}}}';
    expect(client.raw.link.texts.slice(2)).toEqual([
      [
        `${head},"tag":1,"id":"m","exchange":"orders","key":"k","headers":{"h": 1},"body":{"n": 9007199254740993},${tail}`,
        `${head},"tag":2,"id":"a\\"b","exchange":"","key":"é","headers":{},"b64body":"AP8=","content_type":"image/png",` +
          '"redelivered":true,"attempt":2,"published_at":1700000000000,"priority":9,"deaths":[1.0]}}}}',
        `${head},"tag":3,"id":"m","exchange":"orders","key":"k","headers":{},"body":1,${tail}`,
      ].join("\n"),
    ]);
  });

  test("share frames of up to 64 KiB; a larger one goes alone", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    const sized = (size: number): Partial<Delivery> => ({
      body: trustJsonText(JSON.stringify("x".repeat(size))),
    });
    const alike = Array.from({ length: 10 }, () => sized(20_000));
    consumer.deliver(...alike, sized(100_000), sized(1));
    const frames = client.raw.link.texts.slice(2);
    expect(frames.map((frame) => frame.split("\n").length)).toEqual([3, 3, 3, 1, 1, 1]);
    expect(client.told.map(({ tag }) => tag)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test("pause when the client is behind, however many the broker has at once, and go on in order", async () => {
    await using world = await BrokerWorld.start("tasks", "others");
    const { client, consumer } = await consuming(world);
    await client.call("queue.consume", { queue: "others" });
    const [, other] = world.broker.consumers;
    const { link } = client.raw;
    link.stopReading();
    const body = trustJsonText(JSON.stringify("x".repeat(30_000)));
    consumer.deliver(...Array.from({ length: 100 }, () => ({ body })));
    // 3 MB were given; the link has taken what it may, and is still open.
    expect(link.bufferedBytes()).toBeGreaterThan(262_144);
    expect(link.bufferedBytes()).toBeLessThan(262_144 + 65_536);
    expect([consumer.sink.hasRoom(), other?.sink.hasRoom()]).toEqual([false, false]);
    const before = [consumer.heard.length, other?.heard.length];
    for (let rounds = 0; rounds < 20 && client.told.length < 100; rounds += 1) {
      link.resumeReading();
      link.stopReading();
      client.raw.connection.drained();
    }
    expect(client.told.map(({ tag }) => tag)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    expect(consumer.sink.hasRoom()).toBe(true);
    expect([consumer.heard.length, other?.heard.length]).toEqual(before.map((n) => (n ?? 0) + 1));
  });

  test("that wait are not overtaken by what comes when there is room again", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    const { link, connection } = client.raw;
    link.stopReading();
    const body = trustJsonText(JSON.stringify("x".repeat(30_000)));
    consumer.deliver(...Array.from({ length: 20 }, () => ({ body })));
    link.resumeReading();
    // The link has room, and has not told of it yet.
    expect(client.told.length).toBeLessThan(20);
    consumer.sink.cancelled("deleted");
    connection.drained();
    expect(client.told.map(({ tag, reason }) => tag ?? reason)).toEqual([
      ...Array.from({ length: 20 }, (_, index) => index + 1),
      "deleted",
    ]);
  });

  test("go on when a link does not tell that it has drained", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    client.raw.link.pretendBufferedBytes(300_000);
    expect(consumer.sink.hasRoom()).toBe(false);
    client.raw.link.pretendBufferedBytes(0);
    expect(consumer.heard).toEqual(["resume"]);
    await world.clock.advance(100);
    expect(consumer.heard).toEqual(["resume", "resume"]);
  });

  test("a consumer whose queue goes away is told why, behind its deliveries", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver({});
    consumer.sink.cancelled("the queue was deleted");
    expect(client.told.map(({ type, reason }) => [type, reason])).toEqual([
      ["delivery", undefined],
      ["cancelled", "the queue was deleted"],
    ]);
    client.send({ type: "ack", consumer: "c-1", tags: [1] });
    expect(client.told.at(-1)).toMatchObject({ code: 404, tags: [1] });
  });
});

describe("settling", () => {
  test.each([
    [{ type: "ack" }, { type: "ack" }],
    [{ type: "nack" }, { type: "nack", requeue: true, delayMs: undefined }],
    [
      { type: "nack", requeue: true, delay_ms: 7 },
      { type: "nack", requeue: true, delayMs: 7 },
    ],
    [{ type: "nack", requeue: false }, { type: "reject" }],
    [{ type: "reject" }, { type: "reject" }],
    [
      { type: "reject", requeue: true },
      { type: "nack", requeue: true, delayMs: undefined },
    ],
  ] as const)("%j", async (given, settlement) => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver({}, {});
    client.send({ ...given, consumer: "c-1", tags: [1] });
    expect(await client.call("queue.settle", { ...given, consumer: "c-1", tags: [2] })).toEqual({
      settled: 1,
    });
    expect(consumer.settled).toEqual([
      { tags: [1], settlement },
      { tags: [2], settlement },
    ] as never); // the table's literals
    expect(client.told).toHaveLength(2);
  });

  test("unknown and repeated tags are told, once, and the others are settled", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver({}, {}, {}, {});
    client.send({ type: "ack", consumer: "c-1", tags: [1, 1, 9, 2] });
    const message = "not found: these tags are unknown, or settled before";
    expect(client.told.slice(4)).toEqual([
      { type: "error", code: 404, message, of: "ack", consumer: "c-1", tags: [1, 9] },
    ]);
    expect(consumer.settled[0]?.tags).toEqual([1, 2]);
    const settled = await client.call("queue.settle", { consumer: "c-1", tags: [2, 3] });
    expect(settled).toEqual({ settled: 1, unknown: [2] });
    client.send({ type: "reject", consumer: "c-2", tags: [4] });
    expect(client.told.slice(5)).toEqual([
      {
        type: "error",
        code: 404,
        message: 'not found: this connection has no consumer "c-2"',
        of: "reject",
        consumer: "c-2",
        tags: [4],
      },
    ]);
    expect(await client.call("queue.settle", { consumer: "c-2", tags: [4] })).toMatch(/^404 /);
    expect([...consumer.unsettled]).toEqual([4]);
  });

  test("another connection's consumer is nobody's business", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { consumer } = await consuming(world);
    consumer.deliver({});
    const stranger = await world.connect();
    stranger.send({ type: "ack", consumer: "c-1", tags: [1] });
    expect(stranger.told).toMatchObject([{ code: 404 }]);
    expect(await stranger.call("queue.cancel", { consumer: "c-1" })).toMatch(/^404 /);
    expect(consumer.settled).toEqual([]);
  });

  test("5,000 tags at once, not more; what is malformed settles nothing", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    const tags = Array.from({ length: 5_001 }, (_, index) => index + 1);
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ tags: [1] }, /consumer/],
      [{ consumer: "c-1" }, /tags/],
      [{ consumer: "c-1", tags: [] }, /tags/],
      [{ consumer: "c-1", tags }, /tags/],
      [{ consumer: "c-1", tags: [0] }, /tags/],
      [{ consumer: "c-1", tags: ["1"] }, /tags/],
      [{ consumer: "c-1", tags: [1], requeue: true }, /requeue/],
      [{ consumer: "c-1", tags: [1], delay_ms: 5 }, /delay_ms/],
    ];
    for (const [request, why] of wrong) {
      client.send({ type: "ack", ...request });
      expect(client.told.at(-1)).toEqual({
        type: "error",
        code: 107,
        message: expect.stringMatching(why),
        of: "ack",
      });
      expect(await client.call("queue.settle", request)).toMatch(why);
    }
    client.send({ type: "nack", consumer: "c-1", tags: [1], delay_ms: -1 });
    client.send({ type: "nack", consumer: "c-1", tags: [1], requeue: false, delay_ms: 1 });
    const reasons = client.told.slice(-2).map(({ message }) => message);
    for (const reason of reasons) expect(reason).toMatch(/delay_ms/);
    const unknownType = await client.call("queue.settle", {
      type: "x",
      consumer: "c-1",
      tags: [1],
    });
    expect(unknownType).toMatch(/^107 type/);
    expect(consumer.settled).toEqual([]);
    client.send({ type: "ack", consumer: "c-1", tags: tags.slice(1) });
    expect(consumer.settled).toHaveLength(1);
  });

  test("queue.settle is answered after commit; a commit that fails is told of either way", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver({}, {}, {});
    const commit = Promise.withResolvers<void>();
    consumer.committed = commit.promise;
    const [id] = client.raw.send({
      rpc: { method: "queue.settle", data: { consumer: "c-1", tags: [1] } },
    });
    await turn();
    const answer = () => client.raw.messages.find((message) => message.id === id);
    expect(answer()).toBeUndefined();
    commit.resolve();
    await turn();
    expect(answer()).toMatchObject({ rpc: { data: { settled: 1 } } });
    consumer.committed = Promise.reject(new SwitchyardError("storeUnavailable"));
    client.send({ type: "ack", consumer: "c-1", tags: [2, 7] });
    await turn();
    expect(client.told.slice(3)).toMatchObject([
      { code: 404, tags: [7] },
      { code: 421, message: "store unavailable", of: "ack", consumer: "c-1", tags: [2] },
    ]);
    expect(await client.call("queue.settle", { consumer: "c-1", tags: [3] })).toBe(
      "421 store unavailable",
    );
  });
});

describe("the end of a consumer", () => {
  test("cancelled: no more deliveries, what it has may be settled, then it is forgotten", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    consumer.deliver({}, {});
    expect(await client.call("queue.cancel", { consumer: "c-1" })).toEqual({});
    expect(consumer.heard).toEqual(["resume", "cancel"]);
    client.send({ type: "ack", consumer: "c-1", tags: [1] });
    expect(consumer.heard).toEqual(["resume", "cancel"]);
    client.send({ type: "nack", consumer: "c-1", tags: [2] });
    expect(consumer.heard).toEqual(["resume", "cancel", "close"]);
    expect(await client.call("queue.cancel", { consumer: "c-1" })).toMatch(/^404 /);
  });

  test("a connection's end closes its consumers, and nothing of it is kept", async () => {
    await using world = await BrokerWorld.start("tasks");
    const { client, consumer } = await consuming(world);
    await client.call("queue.consume", { queue: "tasks" });
    consumer.deliver({});
    const { consumer: other } = await consuming(world);
    expect(world.connections.size).toBe(2);
    client.raw.vanish();
    expect(world.broker.consumers.map(({ heard }) => heard.at(-1))).toEqual([
      "close",
      "close",
      "resume",
    ]);
    expect(world.connections.size).toBe(1);
    other.deliver({});
    consumer.sink.cancelled("too late");
    expect(consumer.sink.hasRoom()).toBe(false);
  });
});
