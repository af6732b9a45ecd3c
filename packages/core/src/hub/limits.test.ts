import { afterEach, expect, test } from "bun:test";
import { turn } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { TestHubs } from "./harness/test-hubs.ts";

const hubs = new TestHubs();
afterEach(() => hubs.stop());

const stats = { presence_stats: { channel: "a" } };

test("commands per second: 111, temporary, then 3013 when the client does not stop", async () => {
  const { hub, clock } = await hubs.start({ limits: { commandsPerSecond: 5 } });
  const client = await hub.connect();
  for (let n = 0; n < 5; n += 1) expect((await client.ask(stats)).error).toBeUndefined();
  expect((await client.ask(stats)).error).toEqual({
    code: 111,
    message: "too many requests",
    temporary: true,
  });
  await clock.advance(1_000);
  expect((await client.ask(stats)).error).toBeUndefined();
  for (let n = 0; n < 20; n += 1) client.send(stats);
  expect(client.closedWith).toBe(3013);
});

test("connect itself and pongs are not counted; sends are, and are told", async () => {
  const { hub } = await hubs.start({ limits: { commandsPerSecond: 2 } });
  const taken: string[] = [];
  hub.hub.methods.send.set("x", (_caller, data) => void taken.push(data));
  const client = await hub.connect();
  for (let n = 0; n < 3; n += 1) client.send({ send: { data: { type: "x" } } });
  expect(taken).toHaveLength(2);
  expect(client.pushes).toEqual([
    { message: { data: { type: "error", code: 111, message: "too many requests", of: "" } } },
  ]);
});

test("errors per minute: 3509 after the last of them was answered; a minute later they are forgotten", async () => {
  const { hub, clock } = await hubs.start({
    limits: { errorsPerMinute: 3 },
    client: { pingIntervalMs: 0 },
  });
  const client = await hub.connect();
  const wrong = { subscribe: { channel: "nowhere:a" } };
  for (let n = 0; n < 3; n += 1) await client.ask(wrong);
  await clock.advance(60_001);
  for (let n = 0; n < 3; n += 1) await client.ask(wrong);
  expect(client.closedWith).toBeUndefined();
  await client.ask(wrong);
  expect(client.closedWith).toBe(3509);
  expect(client.messages.at(-2)?.error?.code).toBe(102);
  expect(hub.observer.of("error 102")).toBe(7);
});

test("a slow client is counted as 3008, whatever the transport said, and leaves nothing", async () => {
  const { hub } = await hubs.start();
  const client = await hub.connect("ann");
  await client.ask({ subscribe: { channel: "a" } });
  client.link.vanish();
  client.connection.transportClosed(1006, true);
  client.connection.transportClosed(1006, true);
  await turn();
  expect([hub.observer.of("closed 3008"), hub.observer.of("closed 1006")]).toEqual([1, 0]);
  expect([hub.hub.services.connections.size, hub.hub.services.channels.size]).toEqual([0, 0]);
  client.connection.receive('{"id":3,"presence":{"channel":"a"}}');
  client.connection.receiveOversized();
  client.connection.drained();
  expect(client.messages).toHaveLength(2);
});

test("one push in one encoding is one publish to one topic, however many listen", async () => {
  const { hub } = await hubs.start();
  const clients = await Promise.all(Array.from({ length: 30 }, () => hub.connect()));
  for (const client of clients) await client.ask({ subscribe: { channel: "a" } });
  await hub.publish("a", "1");
  expect(hub.fanOut.published).toHaveLength(1);
  expect([hub.fanOut.topics().size, hub.observer.of("delivered")]).toEqual([1, 30]);
});

test("draining: no new connections, 3001 spread evenly over the window, and it ends with the last", async () => {
  const { hub, clock } = await hubs.start({ client: { pingIntervalMs: 0 } });
  const clients = await Promise.all(Array.from({ length: 100 }, () => hub.connect()));
  let drained = false;
  const draining = hub.hub.drain({ spreadMs: 10_000 }).then(() => (drained = true));
  expect(hub.hub.accepting).toBe(false);
  expect(hub.open().closedWith).toBe(3001);
  const open = (): number => clients.filter(({ closedWith }) => closedWith === undefined).length;
  const left: number[] = [];
  for (let step = 0; step < 4; step += 1) {
    await clock.advance(2_500);
    left.push(open());
  }
  for (const [at, expected] of [75, 50, 25, 0].entries()) {
    expect(Math.abs((left[at] ?? -1) - expected)).toBeLessThanOrEqual(2);
  }
  await clock.advance(100);
  await draining;
  expect([drained, open(), hub.hub.services.connections.size]).toEqual([true, 0, 0]);
  expect(clients[0]?.messages.at(-1)).toEqual({
    push: { disconnect: { code: 3001, reason: "shutdown" } },
  });
});

test("draining without a window ends at once, and one that connects meanwhile is told too", async () => {
  const { hub } = await hubs.start();
  const client = await hub.connect();
  const unready = hub.open();
  await hub.hub.drain({ spreadMs: 0 });
  expect([client.closedWith, unready.closedWith]).toEqual([3001, 3001]);
});

test("after stop no timer is left, and an idle connection keeps no queue of tasks", async () => {
  const { hub, clock } = await hubs.start();
  const client = await hub.connect("ann");
  await client.ask({ subscribe: { channel: "a" } });
  await client.ask({ rpc: { method: toJsonText("x") } });
  await hub.stop();
  expect(clock.pending).toBe(0);
});
