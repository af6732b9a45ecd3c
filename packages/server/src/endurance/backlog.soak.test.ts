import { expect, setDefaultTimeout, test } from "bun:test";
import { toJsonText } from "@switchyard/protocol";
import type { RunningServer } from "@switchyard/testkit";
import { everyCapability } from "../auth/token-capabilities.ts";
import { signToken } from "../auth/sign-token.ts";
import type { BacklogCommands } from "./harness/backlog-client.ts";
import { ClientProcess } from "./harness/client-process.ts";
import { DataDirectory } from "./harness/data-directory.ts";
import { eventually, mebibytes, residentBytes } from "./harness/server-figures.ts";
import { startEnduranceServer } from "./harness/start-endurance-server.ts";

setDefaultTimeout(900_000);

/** Messages of 120 bytes that wait. With a million in SWITCHYARD_TEST_BACKLOG it takes five minutes. */
const waiting = Number(process.env["SWITCHYARD_TEST_BACKLOG"] ?? 100_000);
/** For the same moment. */
const delayed = waiting / 5;
/** What a queue with a limit keeps of them. */
const kept = waiting / 10;

const mebibyte = 1_048_576;
/** Of resident memory over an empty server's, while messages wait and nothing else happens. */
const mostWaiting = 150 * mebibyte;
/** While they come or go: the runtime's garbage of tens of thousands of messages a second is in it, however many wait. */
const mostBusy = 300 * mebibyte;
const mostReadyMs = 3_000;
const mostFirstMs = 1_000;
/** Speed, in parts of what it is otherwise. */
const leastRatio = 0.5;
const usualMessages = 50_000;
/** Of the client process: each has an order of its own. */
const publishers = 4;

class Backlog {
  server: RunningServer;
  readonly clients: ClientProcess<BacklogCommands>;
  #token = "";

  constructor(server: RunningServer, clients: ClientProcess<BacklogCommands>) {
    this.server = server;
    this.clients = clients;
  }

  async declare(queue: string, properties: object = {}): Promise<void> {
    await this.#call("PUT", `/v1/queues/${queue}`, properties);
  }

  publish(queue: string, count: number, more: { priorities?: number; deliverAt?: number } = {}) {
    const { url, apiKey } = this.server;
    return this.clients.ask("publish", { url, apiKey, queue, count, priorities: 1, ...more });
  }

  async consume(queue: string, count: number) {
    const { host } = new URL(this.server.url);
    this.#token ||= await signToken(this.server.tokenSecret, {
      user: "consumer",
      expiresAt: undefined,
      issuedAt: 0,
      caps: toJsonText(everyCapability()),
    });
    return this.clients.ask("consume", { host, token: this.#token, queue, count });
  }

  /** Messages a second that go through `queue` while nothing has to wait: a consumer follows the publishers. */
  async usual(queue: string): Promise<number> {
    const began = performance.now();
    await Promise.all([this.publish(queue, usualMessages), this.consume(queue, usualMessages)]);
    return speed(usualMessages, performance.now() - began);
  }

  async depth(queue: string): Promise<Depth> {
    // The server's own answer.
    const { ready, unsettled, delayed } = (await this.#call("GET", `/v1/queues/${queue}`)) as Depth;
    return { ready, unsettled, delayed };
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const { url, apiKey } = this.server;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "X-API-Key": apiKey, Connection: "close" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  }
}

interface Depth {
  readonly ready: number;
  readonly unsettled: number;
  readonly delayed: number;
}

const clientScript = new URL("./harness/backlog-client.ts", import.meta.url);

/** Resident memory when nothing has happened for some seconds. */
async function settledBytes(server: RunningServer): Promise<number> {
  await Bun.sleep(3_000);
  return residentBytes(server.pid);
}

/** What `work` gives, and the most resident memory meanwhile. */
async function watched<Result>(
  server: RunningServer,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly most: number }> {
  let most = 0;
  const looking = setInterval(() => {
    void residentBytes(server.pid).then((bytes) => (most = Math.max(most, bytes)));
  }, 100);
  try {
    return { result: await work(), most };
  } finally {
    clearInterval(looking);
  }
}

/** Starts on `dataDir`, with the milliseconds until /health/ready says so. */
async function start(
  dataDir: string,
): Promise<{ readonly server: RunningServer; readonly readyMs: number }> {
  const began = performance.now();
  const server = await startEnduranceServer({ dataDir });
  const { status } = await fetch(`${server.url}/health/ready`, {
    headers: { Connection: "close" },
  });
  expect(status).toBe(200);
  return { server, readyMs: performance.now() - began };
}

function speed(messages: number, ms: number): number {
  return (messages * 1_000) / ms;
}

/** Speed of the last three tenths in parts of that of the first three. */
function lastToFirst(tenths: readonly number[]): number {
  const sum = (ms: readonly number[]): number => ms.reduce((all, one) => all + one, 0);
  return sum(tenths.slice(0, 3)) / sum(tenths.slice(-3));
}

type Consumed = Awaited<ReturnType<Backlog["consume"]>>;

/** All events of each publisher and priority from the first to the last, in order, each once. */
function expectAllInOrder(consumed: Consumed, count: number, priorities = 1): void {
  const { taken, risen, lines } = consumed;
  const perLine = count / publishers / priorities;
  expect({ taken, risen }).toEqual({ taken: count, risen: 0 });
  const inOrder = lines.toSorted((a, b) => a.publisher - b.publisher || a.priority - b.priority);
  expect(inOrder).toEqual(
    Array.from({ length: publishers * priorities }, (_, index) => {
      const priority = index % priorities;
      return {
        publisher: Math.floor(index / priorities),
        priority,
        first: priority,
        last: (perLine - 1) * priorities + priority,
        count: perLine,
        breaks: 0,
      };
    }),
  );
}

function perSecond(speed: number): string {
  return `${Math.round(speed).toLocaleString("en")}/s`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

test(`${waiting} messages wait: memory, speed, restarts, and nothing is left of them`, async () => {
  await using directory = await DataDirectory.make();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const first = await start(directory.path);
  const backlog = new Backlog(first.server, clients);
  try {
    const empty = await residentBytes(backlog.server.pid);
    await backlog.declare("usual");
    await backlog.declare("backlog");
    await backlog.usual("usual"); // compiles
    const usual = await backlog.usual("usual");

    const published = await watched(backlog.server, () => backlog.publish("backlog", waiting));
    const held = await settledBytes(backlog.server);
    expect(await backlog.depth("backlog")).toEqual({ ready: waiting, unsettled: 0, delayed: 0 });
    const publishSpeed = speed(waiting, published.result.ms);
    const publishRatio = lastToFirst(published.result.tenths);
    say(
      `published ${perSecond(publishSpeed)}, usual ${perSecond(usual)}, the end ${publishRatio.toFixed(2)} of the beginning; ` +
        `RSS ${mebibytes(empty)} empty, at most ${mebibytes(published.most)}, ${mebibytes(held)} with ${waiting} waiting`,
    );

    const stopBegan = performance.now();
    expect(await backlog.server.stop()).toBe(0);
    const stopMs = performance.now() - stopBegan;
    const restarted = await start(directory.path);
    backlog.server = restarted.server;
    const afterRestart = await settledBytes(backlog.server);
    await backlog.server.kill();
    const revived = await start(directory.path);
    backlog.server = revived.server;
    expect(await backlog.depth("backlog")).toEqual({ ready: waiting, unsettled: 0, delayed: 0 });
    say(
      `stopped in ${stopMs.toFixed(0)} ms; ready ${restarted.readyMs.toFixed(0)} ms after SIGTERM, ${revived.readyMs.toFixed(0)} ms after kill -9; ` +
        `RSS ${mebibytes(afterRestart)} after the start`,
    );

    const consumed = await watched(backlog.server, () => backlog.consume("backlog", waiting));
    const { ms, firstMs, tenths, redelivered } = consumed.result;
    // What nobody was near to being given comes without a flag.
    expect(redelivered).toBeLessThanOrEqual(20_000);
    const consumeSpeed = speed(waiting, ms);
    say(
      `first delivery after ${firstMs.toFixed(0)} ms; consumed ${perSecond(consumeSpeed)}, the end ${lastToFirst(tenths).toFixed(2)} of the beginning, ${redelivered} flagged; ` +
        `RSS at most ${mebibytes(consumed.most)}`,
    );
    expectAllInOrder(consumed.result, waiting);
    expect(await backlog.depth("backlog")).toEqual({ ready: 0, unsettled: 0, delayed: 0 });
    await backlog.usual("usual"); // compiles, in the new process
    const after = await backlog.usual("backlog");
    say(`afterwards ${perSecond(after)}`);

    expect(held - empty).toBeLessThan(mostWaiting);
    expect(afterRestart - empty).toBeLessThan(mostWaiting);
    expect(published.most - empty).toBeLessThan(mostBusy);
    expect(consumed.most - empty).toBeLessThan(mostBusy);
    expect(publishRatio).toBeGreaterThan(leastRatio);
    expect(restarted.readyMs).toBeLessThan(mostReadyMs);
    expect(revived.readyMs).toBeLessThan(mostReadyMs);
    expect(firstMs).toBeLessThan(mostFirstMs);
    expect(publishSpeed / usual).toBeGreaterThan(leastRatio);
    expect(consumeSpeed / usual).toBeGreaterThan(leastRatio);
    expect(after / usual).toBeGreaterThan(leastRatio);
  } finally {
    await backlog.server[Symbol.asyncDispose]();
  }
});

test(`${waiting} messages of 10 priorities wait: the most urgent first, each priority in order`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("urgent");
  const empty = await residentBytes(server.pid);
  const published = await backlog.publish("urgent", waiting, { priorities: 10 });
  const held = await settledBytes(server);
  const { result, most } = await watched(server, () => backlog.consume("urgent", waiting));
  say(
    `10 priorities: published ${perSecond(speed(waiting, published.ms))}, consumed ${perSecond(speed(waiting, result.ms))}; ` +
      `RSS ${mebibytes(empty)} empty, ${mebibytes(held)} with ${waiting} waiting, at most ${mebibytes(most)} then`,
  );
  expectAllInOrder(result, waiting, 10);
  expect(result.redelivered).toBe(0);
  expect(held - empty).toBeLessThan(mostWaiting);
  expect(most - empty).toBeLessThan(mostBusy);
});

test(`${delayed} delayed messages become ready in the same moment`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("delayed");
  const empty = await residentBytes(server.pid);
  // Far enough for all of them to be stored by then, at a fifth of the usual speed.
  const deliverAt = Date.now() + 2_000 + delayed / 10;
  await backlog.publish("delayed", delayed, { deliverAt });
  expect(await backlog.depth("delayed")).toEqual({ ready: 0, unsettled: 0, delayed });
  const moved = await watched(server, () =>
    eventually(
      "all ready",
      120_000,
      () => backlog.depth("delayed"),
      ({ ready }) => ready === delayed,
    ),
  );
  const lateMs = Date.now() - deliverAt;
  const held = await settledBytes(server);
  const { result, most } = await watched(server, () => backlog.consume("delayed", delayed));
  say(
    `${delayed} delayed: all ready ${lateMs} ms after their time, consumed ${perSecond(speed(delayed, result.ms))}; ` +
      `RSS ${mebibytes(empty)} empty, at most ${mebibytes(moved.most)} while they became ready, ${mebibytes(held)} then, at most ${mebibytes(most)} at the end`,
  );
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expectAllInOrder(result, delayed);
  expect(result.redelivered).toBe(0);
  expect(held - empty).toBeLessThan(mostWaiting);
  expect(moved.most - empty).toBeLessThan(mostBusy);
  expect(most - empty).toBeLessThan(mostBusy);
});

test(`of ${waiting} messages the newest ${kept} stay in a queue with max_length`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("short", { max_length: kept, overflow: "drop-head" });
  const empty = await residentBytes(server.pid);
  const published = await watched(server, () => backlog.publish("short", waiting));
  const { ms, tenths } = published.result;
  await eventually(
    "the rest dropped",
    60_000,
    () => backlog.depth("short"),
    ({ ready }) => ready === kept,
  );
  const held = await settledBytes(server);
  const { taken, redelivered, lines } = await backlog.consume("short", kept);
  say(
    `max_length ${kept}: published ${perSecond(speed(waiting, ms))}, the end ${lastToFirst(tenths).toFixed(2)} of the beginning; ` +
      `RSS ${mebibytes(empty)} empty, at most ${mebibytes(published.most)}, ${mebibytes(held)} then`,
  );
  expect({ taken, redelivered }).toEqual({ taken: kept, redelivered: 0 });
  // Which publisher was ahead at the cut is chance.
  const ends = lines.map(({ first, last, count, breaks }) => {
    return { last, missing: last - first + 1 - count, breaks };
  });
  const last = waiting / publishers - 1;
  expect(ends).toEqual(Array.from({ length: publishers }, () => ({ last, missing: 0, breaks: 0 })));
  expect(await backlog.depth("short")).toEqual({ ready: 0, unsettled: 0, delayed: 0 });
  expect(published.most - empty).toBeLessThan(mostBusy);
  expect(held - empty).toBeLessThan(mostWaiting);
  expect(lastToFirst(tenths)).toBeGreaterThan(leastRatio);
});
