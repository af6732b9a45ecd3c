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

/** Messages of 120 bytes that wait; SWITCHYARD_TEST_BACKLOG=1000000 takes some minutes. */
const waiting = Number(process.env["SWITCHYARD_TEST_BACKLOG"] ?? 100_000);
/** For the same moment. */
const delayed = waiting / 5;
/** What a queue with a limit keeps of them. */
const kept = waiting / 10;
const mostGrowth = 150 * 1_048_576;
const mostReadyMs = 3_000;
/** Speed, in parts of what it is otherwise. */
const leastRatio = 0.5;
/** Fit into a window, so that the store is not asked for them. */
const roundMessages = 4_000;
const rounds = 9;
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

  /** Messages a second, published and consumed by turns, the median of several rounds; and the most memory meanwhile. */
  async usual(queue: string): Promise<Usual> {
    const published: number[] = [];
    const consumed: number[] = [];
    const { most } = await watched(this.server, async () => {
      for (let round = 0; round < rounds; round += 1) {
        published.push((await this.publish(queue, roundMessages)).ms);
        consumed.push((await this.consume(queue, roundMessages)).ms);
      }
    });
    return { publish: medianSpeed(published), consume: medianSpeed(consumed), most };
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

interface Usual {
  readonly publish: number;
  readonly consume: number;
  /** Bytes. */
  readonly most: number;
}

interface Depth {
  readonly ready: number;
  readonly unsettled: number;
  readonly delayed: number;
}

function medianSpeed(ms: readonly number[]): number {
  const median = ms.toSorted((a, b) => a - b)[Math.floor(ms.length / 2)] ?? 0;
  return (roundMessages * 1_000) / median;
}

const clientScript = new URL("./harness/backlog-client.ts", import.meta.url);

/** Resident memory once nothing has happened for some seconds. */
async function settledBytes(server: RunningServer): Promise<number> {
  await Bun.sleep(4_000);
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

/** Speed of the last tenth in parts of the first's. */
function lastToFirst(tenths: readonly number[]): number {
  return (tenths[0] ?? 0) / (tenths.at(-1) ?? 0);
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

function perSecond(count: number, ms: number): string {
  return `${Math.round((count * 1_000) / ms).toLocaleString("en")}/s`;
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
    await backlog.declare("usual");
    await backlog.declare("backlog");
    await backlog.usual("usual"); // compiles
    const usual = await backlog.usual("usual");
    const before = await settledBytes(backlog.server);

    const published = await watched(backlog.server, () => backlog.publish("backlog", waiting));
    const held = await settledBytes(backlog.server);
    expect(await backlog.depth("backlog")).toEqual({ ready: waiting, unsettled: 0, delayed: 0 });
    const publishRatio = lastToFirst(published.result.tenths);
    say(
      `published ${perSecond(waiting, published.result.ms)}, last tenth ${publishRatio.toFixed(2)} of the first; usual ${Math.round(usual.publish)}/s. ` +
        `RSS ${mebibytes(before)} before, at most ${mebibytes(published.most)}, ${mebibytes(held)} with ${waiting} waiting`,
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
      `stopped in ${stopMs.toFixed(0)} ms; ready ${first.readyMs.toFixed(0)} ms new, ${restarted.readyMs.toFixed(0)} ms after SIGTERM, ${revived.readyMs.toFixed(0)} ms after kill -9; ` +
        `RSS ${mebibytes(afterRestart)} after the start`,
    );

    const consumed = await watched(backlog.server, () => backlog.consume("backlog", waiting));
    const consumeSpeed = (waiting * 1_000) / consumed.result.ms;
    say(
      `first delivery after ${consumed.result.firstMs.toFixed(0)} ms; consumed ${perSecond(waiting, consumed.result.ms)}, tenths ${consumed.result.tenths.map((ms) => ms.toFixed(0)).join(" ")} ms, usual ${Math.round(usual.consume)}/s; ${consumed.result.redelivered} flagged; ` +
        `RSS at most ${mebibytes(consumed.most)}`,
    );
    expectAllInOrder(consumed.result, waiting);
    expect(await backlog.depth("backlog")).toEqual({ ready: 0, unsettled: 0, delayed: 0 });
    const after = await backlog.usual("backlog");
    say(
      `afterwards published ${Math.round(after.publish)}/s, consumed ${Math.round(after.consume)}/s`,
    );

    expect(held - before).toBeLessThan(mostGrowth);
    expect(afterRestart - before).toBeLessThan(mostGrowth);
    expect(consumed.most - before).toBeLessThan(mostGrowth);
    expect(publishRatio).toBeGreaterThan(leastRatio);
    expect(restarted.readyMs).toBeLessThan(mostReadyMs);
    expect(revived.readyMs).toBeLessThan(mostReadyMs);
    expect(consumed.result.firstMs).toBeLessThan(1_000);
    expect(consumeSpeed / usual.consume).toBeGreaterThan(leastRatio);
    expect(after.publish / usual.publish).toBeGreaterThan(leastRatio);
    expect(after.consume / usual.consume).toBeGreaterThan(leastRatio);
  } finally {
    await backlog.server[Symbol.asyncDispose]();
  }
});

test(`${waiting} messages of 10 priorities wait: the most urgent first, each priority in order`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("urgent");
  const before = await settledBytes(server);
  const published = await backlog.publish("urgent", waiting, { priorities: 10 });
  const held = await settledBytes(server);
  const consumed = await watched(server, () => backlog.consume("urgent", waiting));
  say(
    `10 priorities: published ${perSecond(waiting, published.ms)}, consumed ${perSecond(waiting, consumed.result.ms)}; ` +
      `RSS ${mebibytes(before)} before, ${mebibytes(held)} with ${waiting} waiting, at most ${mebibytes(consumed.most)} then`,
  );
  expectAllInOrder(consumed.result, waiting, 10);
  expect(consumed.result.redelivered).toBe(0);
  expect(held - before).toBeLessThan(mostGrowth);
  expect(consumed.most - before).toBeLessThan(mostGrowth);
});

test(`${delayed} delayed messages become ready in the same moment`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("delayed");
  const before = await settledBytes(server);
  // Far enough for all of them to be stored by then, half as fast as usual.
  const deliverAt = Date.now() + 2_000 + delayed / 10;
  await backlog.publish("delayed", delayed, { deliverAt });
  expect(await backlog.depth("delayed")).toEqual({ ready: 0, unsettled: 0, delayed });
  const leftMs = deliverAt - Date.now();
  const moved = await watched(server, () =>
    eventually(
      "all ready",
      120_000,
      () => backlog.depth("delayed"),
      ({ ready }) => ready === delayed,
    ),
  );
  const held = await settledBytes(server);
  const consumed = await watched(server, () => backlog.consume("delayed", delayed));
  say(
    `${delayed} delayed: all ready ${(moved.result - leftMs).toFixed(0)} ms after their time, consumed ${perSecond(delayed, consumed.result.ms)}; ` +
      `RSS ${mebibytes(before)} before, at most ${mebibytes(moved.most)} while they became ready, ${mebibytes(held)} then, at most ${mebibytes(consumed.most)} at the end`,
  );
  expectAllInOrder(consumed.result, delayed);
  expect(consumed.result.redelivered).toBe(0);
  expect(moved.most - before).toBeLessThan(mostGrowth);
  expect(consumed.most - before).toBeLessThan(mostGrowth);
});

test(`of ${waiting} messages the newest ${kept} stay in a queue with max_length`, async () => {
  await using server = await startEnduranceServer();
  await using clients = new ClientProcess<BacklogCommands>(clientScript);
  const backlog = new Backlog(server, clients);
  await backlog.declare("short", { max_length: kept, overflow: "drop-head" });
  const before = await settledBytes(server);
  const published = await watched(server, () => backlog.publish("short", waiting));
  await eventually(
    "the rest dropped",
    60_000,
    () => backlog.depth("short"),
    ({ ready }) => ready === kept,
  );
  const held = await settledBytes(server);
  const { result } = await watched(server, () => backlog.consume("short", kept));
  say(
    `max_length ${kept}: published ${perSecond(waiting, published.result.ms)}, last tenth ${lastToFirst(published.result.tenths).toFixed(2)} of the first; ` +
      `RSS ${mebibytes(before)} before, at most ${mebibytes(published.most)}, ${mebibytes(held)} then`,
  );
  // Which publisher was ahead at the cut is chance.
  expect({ taken: result.taken, redelivered: result.redelivered }).toEqual({
    taken: kept,
    redelivered: 0,
  });
  expect(
    result.lines.map(({ first, last, count, breaks }) => ({
      ended: last,
      skipped: last - first + 1 - count,
      breaks,
    })),
  ).toEqual(
    Array.from({ length: publishers }, () => ({
      ended: waiting / publishers - 1,
      skipped: 0,
      breaks: 0,
    })),
  );
  expect(await backlog.depth("short")).toEqual({ ready: 0, unsettled: 0, delayed: 0 });
  expect(published.most - before).toBeLessThan(mostGrowth);
  expect(held - before).toBeLessThan(mostGrowth);
  expect(lastToFirst(published.result.tenths)).toBeGreaterThan(leastRatio);
});
