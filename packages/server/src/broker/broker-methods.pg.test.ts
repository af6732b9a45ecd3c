import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { toJsonText } from "@switchyard/protocol";
import type { Centrifuge } from "centrifuge";
import { everyCapability } from "../auth/token-capabilities.ts";
import { until } from "../sdk/harness/until.ts";
import { SdkWorld, type SdkTransport, transports } from "../sdk/harness/sdk-world.ts";

setDefaultTimeout(20_000);

let world: SdkWorld;
beforeAll(async () => {
  world = await SdkWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** The data of a `message` push, as far as the tests look at it. */
interface Told {
  readonly type: string;
  readonly consumer?: string;
  readonly tag?: number;
  readonly tags?: readonly number[];
  readonly id?: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly redelivered?: boolean;
  readonly attempt?: number;
  readonly code?: number;
  readonly queue?: string;
}

/** A stock SDK client with all capabilities, and what it was told. */
class SdkClient {
  readonly sdk: Centrifuge;
  readonly told: Told[] = [];

  private constructor(sdk: Centrifuge) {
    this.sdk = sdk;
    // The server's own messages.
    sdk.on("message", ({ data }) => this.told.push(data as Told));
  }

  static async connect(transport: SdkTransport, caps: unknown = everyCapability()) {
    const token = await world.token("ann", { caps: toJsonText(caps) });
    return new SdkClient(await world.connected(transport, "ann", { token }));
  }

  get deliveries(): readonly Told[] {
    return this.told.filter(({ type }) => type === "delivery");
  }

  async call(method: string, data: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.sdk.rpc(method, data);
    // The answers of these methods are objects.
    return answer.data as Readonly<Record<string, unknown>>;
  }

  /** `"<code>"` of a refusal. */
  async refusal(method: string, data: object): Promise<number | undefined> {
    try {
      await this.sdk.rpc(method, data);
      return undefined;
    } catch (error) {
      // The SDK rejects with plain objects.
      return (error as { readonly code: number }).code;
    }
  }

  /** Consumes from `queue`; returns the consumer. */
  async consume(queue: string, prefetch?: number): Promise<string> {
    const { consumer } = await this.call("queue.consume", {
      queue,
      ...(prefetch !== undefined && { prefetch }),
    });
    return String(consumer);
  }
}

/** A queue of its own name that takes `<name>.#` of a topic exchange. */
async function declareRoute(
  client: SdkClient,
): Promise<{ readonly exchange: string; readonly queue: string }> {
  const queue = `q-${crypto.randomUUID()}`;
  const exchange = `e-${crypto.randomUUID()}`;
  await client.call("exchange.declare", { name: exchange, type: "topic" });
  await client.call("queue.declare", { name: queue });
  await client.call("binding.create", {
    exchange,
    key: "tasks.#",
    destination: { type: "queue", name: queue },
  });
  return { exchange, queue };
}

describe.each([...transports])("%s", (transport) => {
  test("declare, bind, publish, consume, acknowledge", async () => {
    const client = await SdkClient.connect(transport);
    const { exchange, queue } = await declareRoute(client);
    const consumer = await client.consume(queue);
    for (let n = 0; n < 20; n += 1) {
      const event = { exchange, key: `tasks.${n}`, headers: { n }, body: { n }, id: `i-${n}` };
      expect(await client.call("exchange.publish", event)).toEqual({ id: `i-${n}`, routed: 1 });
    }
    await until(() => client.deliveries.length === 20);
    expect(client.deliveries).toEqual(
      Array.from({ length: 20 }, (_, n) => ({
        type: "delivery",
        consumer,
        queue,
        tag: n + 1,
        id: `i-${n}`,
        exchange,
        key: `tasks.${n}`,
        headers: { n },
        body: { n },
        redelivered: false,
        attempt: 1,
        published_at: expect.any(Number) as number,
      })),
    );
    await client.sdk.send({ type: "ack", consumer, tags: [1, 2, 3] });
    const tags = client.deliveries.slice(3).map(({ tag }) => tag);
    expect(await client.call("queue.settle", { consumer, tags })).toEqual({ settled: 17 });
    await client.call("queue.cancel", { consumer });
    expect(await client.call("queue.delete", { name: queue, if_empty: true })).toEqual({
      messages: 0,
    });
  });

  test("what a connection leaves unsettled goes to the next one, in its old place", async () => {
    const [first, second] = [
      await SdkClient.connect(transport),
      await SdkClient.connect(transport),
    ];
    const { exchange, queue } = await declareRoute(first);
    await first.consume(queue, 2);
    for (const n of [1, 2, 3])
      await first.call("exchange.publish", { exchange, key: "tasks", body: n });
    await until(() => first.deliveries.length === 2);
    await second.consume(queue);
    await until(() => second.deliveries.length === 1);
    first.sdk.disconnect();
    await until(() => second.deliveries.length === 3);
    expect(second.deliveries.map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [3, false],
      [1, true],
      [2, true],
    ]);
  });
});

test("a nack comes back at once as another attempt; a rejected message does not", async () => {
  const client = await SdkClient.connect("websocket");
  const { exchange, queue } = await declareRoute(client);
  const consumer = await client.consume(queue);
  await client.call("exchange.publish", { exchange, key: "tasks", body: 1 });
  await until(() => client.deliveries.length === 1);
  await client.sdk.send({ type: "nack", consumer, tags: [1] });
  await until(() => client.deliveries.length === 2);
  expect(client.deliveries[1]).toMatchObject({ tag: 2, redelivered: true, attempt: 2 });
  expect(await client.call("queue.settle", { type: "reject", consumer, tags: [2] })).toEqual({
    settled: 1,
  });
  expect(await client.call("queue.purge", { name: queue })).toEqual({ messages: 0 });
});

test("a tag that is settled twice is told of", async () => {
  const client = await SdkClient.connect("websocket");
  const { exchange, queue } = await declareRoute(client);
  const consumer = await client.consume(queue);
  await client.call("exchange.publish", { exchange, key: "tasks", body: 1 });
  await until(() => client.deliveries.length === 1);
  await client.sdk.send({ type: "ack", consumer, tags: [1] });
  await client.sdk.send({ type: "ack", consumer, tags: [1, 9] });
  await until(() => client.told.some(({ type }) => type === "error"));
  expect(client.told.at(-1)).toMatchObject({ code: 404, of: "ack", consumer, tags: [1, 9] });
});

test("request and reply through a queue that the server names, and that ends with its connection", async () => {
  const [asker, worker] = [
    await SdkClient.connect("websocket"),
    await SdkClient.connect("websocket"),
  ];
  const { queue } = await declareRoute(worker);
  const consumer = await worker.consume(queue);
  const { name: replies } = await asker.call("queue.declare", {});
  await asker.consume(String(replies));
  await asker.call("exchange.publish", {
    exchange: "",
    key: queue,
    headers: { reply_to: String(replies) },
    body: 20,
  });
  await until(() => worker.deliveries.length === 1);
  await worker.call("exchange.publish", { exchange: "", key: String(replies), body: 22 });
  await worker.call("queue.settle", { consumer, tags: [1] });
  await until(() => asker.deliveries.length === 1);
  expect(asker.deliveries[0]?.body).toBe(22);
  expect(await worker.refusal("queue.consume", { queue: String(replies) })).toBe(405);
  asker.sdk.disconnect();
  await until(async () => (await worker.refusal("queue.purge", { name: String(replies) })) === 404);
});

test("an event that nobody takes comes back when it is mandatory", async () => {
  const client = await SdkClient.connect("websocket");
  const { exchange } = await declareRoute(client);
  const event = { exchange, key: "elsewhere", body: { n: 1 }, id: "i" };
  expect(await client.call("exchange.publish", event)).toEqual({ id: "i", routed: 0 });
  const mandatory = { ...event, id: "j", mandatory: true };
  expect(await client.call("exchange.publish", mandatory)).toEqual({
    id: "j",
    routed: 0,
    returned: true,
  });
  expect(client.told).toEqual([
    { ...event, id: "j", headers: {}, type: "return", code: 312, message: "NO_ROUTE" } as Told,
  ]);
});

test("an id that comes again is confirmed again, and not delivered again", async () => {
  const client = await SdkClient.connect("websocket");
  const { exchange, queue } = await declareRoute(client);
  await client.consume(queue);
  const event = { exchange, key: "tasks", body: 1, id: "once" };
  await client.call("exchange.publish", event);
  expect(await client.call("exchange.publish", event)).toMatchObject({ duplicate: true });
  await client.call("exchange.publish", { ...event, id: "other" });
  await until(() => client.deliveries.some(({ id }) => id === "other"));
  expect(client.deliveries.map(({ id }) => id)).toEqual(["once", "other"]);
});

test("a consumer whose queue is deleted is told", async () => {
  const client = await SdkClient.connect("websocket");
  const { queue } = await declareRoute(client);
  const consumer = await client.consume(queue);
  await client.call("queue.delete", { name: queue });
  await until(() => client.told.length > 0);
  expect(client.told).toMatchObject([{ type: "cancelled", consumer, queue }]);
});

test("without capabilities nothing is allowed", async () => {
  const client = await SdkClient.connect("websocket", []);
  const requests: readonly (readonly [string, object])[] = [
    ["exchange.publish", { exchange: "", key: "dead-letters", body: 1 }],
    ["exchange.declare", { name: "e", type: "fanout" }],
    ["queue.declare", {}],
    ["queue.consume", { queue: "dead-letters" }],
    ["queue.purge", { name: "dead-letters" }],
  ];
  for (const [method, data] of requests) expect(await client.refusal(method, data)).toBe(103);
});
