import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { figure } from "../../endurance/harness/server-figures.ts";
import { until } from "../../sdk/harness/until.ts";
import { EmbeddedDatabase } from "./harness/embedded-database.ts";
import type { SdkWay } from "./harness/sdk-way.ts";
import { SemanticsWorld } from "./harness/semantics-world.ts";
import { bodies, channelNamed, fresh, refusal } from "./harness/way.ts";

setDefaultTimeout(30_000);

const confirmTimeoutMs = 700;
const commandsInFlight = 200;

let world: SemanticsWorld;
let database: EmbeddedDatabase;
beforeAll(async () => {
  world = await SemanticsWorld.start({
    SWITCHYARD_BROKER_CONFIRM_TIMEOUT: `${confirmTimeoutMs}ms`,
    SWITCHYARD_BROKER_LEASE: "1s",
    SWITCHYARD_BROKER_PENDING_BYTES: "1MiB",
    SWITCHYARD_CLIENT_LIMITS_COMMANDS_IN_FLIGHT: String(commandsInFlight),
  });
  database = new EmbeddedDatabase(world.sdk.server);
}, 60_000);
afterEach(() => {
  database.thaw();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** What arrives on `channel`. */
async function listen({ sdk }: SdkWay, channel: string): Promise<readonly unknown[]> {
  const heard: unknown[] = [];
  const subscription = sdk.newSubscription(channel);
  subscription.on("publication", ({ data }) => heard.push(data));
  subscription.subscribe();
  await subscription.ready(10_000);
  return heard;
}

async function isReady(): Promise<boolean> {
  const { status } = await fetch(`${world.sdk.server.url}/health/ready`);
  return status === 200;
}

/** Publishes until it is confirmed. */
async function publishStubbornly(queue: string, body: unknown): Promise<void> {
  const event = { exchange: "amq.default", key: queue, body, id: crypto.randomUUID() };
  await until(async () => (await world.http.publish(event)).routed === 1);
}

test("a confirm waits for PostgreSQL, and comes when it does", async () => {
  const client = await world.client();
  const queue = await client.declareQueue(fresh("q"));
  database.freeze();
  const waiting: unknown[] = [];
  for (const way of [client, world.http])
    void way
      .publish({ exchange: "amq.default", key: queue, body: 1 })
      .then((outcome) => waiting.push(outcome));
  // Answered by the same server, on the same connection, after the publish has come.
  await client.sdk.presenceStats("open:x").catch(() => undefined);
  await world.sdk.api("info", {});
  expect(waiting).toEqual([]);
  database.thaw();
  await until(() => waiting.length === 2);
  expect(waiting).toMatchObject([{ routed: 1 }, { routed: 1 }]);
  expect(await world.http.browse(queue)).toHaveLength(2);
});

test("after the deadline 421; channels go on; an id is then published once; all resumes by itself", async () => {
  const [client, consumer] = [await world.client(), await world.client()];
  const queue = await client.declareQueue(fresh("q"));
  const name = await consumer.consume(queue);
  await client.publish({ exchange: "amq.default", key: queue, body: 0 });
  await consumer.deliveries(name, 1);
  const [exchange, channel] = [fresh("e"), fresh("plain:live")];
  await client.declareExchange(exchange, { type: "fanout" });
  await client.bind(exchange, "", channelNamed(channel), { durable: false });
  const heard = await listen(client, channel);
  database.freeze();
  const began = performance.now();
  const event = { exchange: "amq.default", key: queue };
  const answers = Promise.all([
    client.publish({ ...event, body: 1, id: "sdk" }),
    world.http.publish({ ...event, body: 2, id: "http" }),
    refusal(consumer.settle(name, "ack", [1])),
  ]);
  await world.sdk.api("publish", { channel, data: "by api" });
  expect(await client.publish({ exchange, body: "by binding" })).toMatchObject({ routed: 1 });
  await until(() => heard.length === 2);
  expect(heard).toEqual(["by api", "by binding"]);
  expect(performance.now() - began).toBeLessThan(confirmTimeoutMs);
  expect(await answers).toMatchObject([{ code: 421 }, { code: 421 }, { code: 421 }]);
  expect(performance.now() - began).toBeGreaterThan(confirmTimeoutMs - 50);
  // Longer than the lease: nothing may be delivered.
  await until(async () => !(await isReady()));
  expect(await refusal(world.http.browse(queue))).toMatchObject({ code: 421 });
  database.thaw();
  for (const [way, id] of [
    [client, "sdk"],
    [world.http, "http"],
  ] as const)
    await until(
      async () => (await way.publish({ ...event, body: `again ${id}`, id })).routed === 1,
    );
  await publishStubbornly(queue, "last");
  await until(() => bodies(consumer.delivered(name)).includes("last"));
  const arrived = bodies(consumer.delivered(name)).filter((body) => body !== 0);
  expect(new Set(arrived)).toEqual(new Set([1, 2, "last"]));
  expect(arrived).toHaveLength(3);
  await until(isReady);
  // The settlement that nobody confirmed has been done, once.
  expect(await consumer.settle(name, "ack", [1])).toEqual({ settled: 0, unknown: [1] });
  expect((await world.http.figures(queue)).counts).toMatchObject({ acknowledged: 1 });
});

test("with too many bytes on their way 111 at once, which is stored nowhere; no other connection is touched", async () => {
  const [client, listener] = [await world.client(), await world.client("bob")];
  const queue = await client.declareQueue(fresh("q"));
  const channel = fresh("plain:live");
  const heard = await listen(listener, channel);
  const event = { exchange: "amq.default", key: queue };
  database.freeze();
  const large = "x".repeat(300_000);
  const taken = Array.from({ length: 4 }, (_, n) => client.publish({ ...event, body: large + n }));
  for (const way of [client, world.http])
    expect(await way.publish({ ...event, body: "refused" })).toMatchObject({ code: 111 });
  await world.sdk.api("publish", { channel, data: 1 });
  await until(() => heard.length === 1);
  database.thaw();
  expect(await Promise.all(taken)).toMatchObject(taken.map(() => ({ routed: 1 })));
  await publishStubbornly(queue, "after");
  const lying = bodies(await world.http.browse(queue));
  expect(lying).toEqual([...taken.map((_, n) => large + n), "after"]);
});

test("what one connection has unconfirmed is bounded: 111 beyond, which is stored nowhere", async () => {
  const [client, other] = [await world.client(), await world.client()];
  const queue = await client.declareQueue(fresh("q"));
  const event = { exchange: "amq.default", key: queue };
  database.freeze();
  const refused: number[] = [];
  const all = Array.from({ length: commandsInFlight + 20 }, async (_, body) => {
    const outcome = await client.publish({ ...event, body });
    if (outcome.code === 111) refused.push(body);
    return outcome;
  });
  await until(() => refused.length >= 20);
  const theirs = other.publish({ ...event, body: "theirs" });
  await world.sdk.api("info", {});
  database.thaw();
  expect(await theirs).toMatchObject({ routed: 1 });
  const confirmed = (await Promise.all(all)).filter(({ routed }) => routed === 1);
  expect(confirmed).toHaveLength(commandsInFlight);
  expect(refused).toEqual(Array.from({ length: 20 }, (_, n) => commandsInFlight + n));
  expect((await world.http.figures(queue)).ready).toBe(commandsInFlight + 1);
});

test("kill -9 of PostgreSQL: durable queues go on with their consumers; transient ones are emptied, and say so", async () => {
  const client = await world.client();
  const durable = await client.declareQueue(fresh("q"));
  const transient = await client.declareQueue(fresh("q"), { durable: false });
  const [kept, lost] = [await client.consume(durable), await client.consume(transient)];
  for (const key of [durable, transient])
    await client.publish({ exchange: "amq.default", key, body: 1 });
  await Promise.all([client.deliveries(kept, 1), client.deliveries(lost, 1)]);
  database.kill();
  await publishStubbornly(durable, 2);
  expect(bodies(await client.deliveries(kept, 2))).toEqual([1, 2]);
  expect(await client.settle(kept, "ack", [1, 2])).toEqual({ settled: 2 });
  await publishStubbornly(transient, "first after");
  await until(() => client.told.some(({ consumer }) => consumer === lost));
  expect(client.told).toMatchObject([{ type: "cancelled", consumer: lost, queue: transient }]);
  expect(await figure(world.sdk.server, "switchyard_broker_wiped_total")).toBe(1);
  await publishStubbornly(transient, "second after");
  const left = bodies(await world.http.browse(transient));
  expect(left).toContain("second after");
  expect(left).not.toContain(1);
  await until(isReady);
});
