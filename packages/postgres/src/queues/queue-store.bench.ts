import { mkdtemp, chmod, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import type { Flush, QueueState, StoredMessage } from "@switchyard/core";
import { toJsonText } from "@switchyard/protocol";
import { RecordingLog } from "@switchyard/testkit";
import { Database } from "../database.ts";
import { EmbeddedPostgres } from "../embedded/embedded-postgres.ts";
import { migrate } from "../migrations.ts";
import { PostgresQueueStore } from "./postgres-queue-store.ts";
import { PostgresTopologyStore } from "./postgres-topology-store.ts";

/**
 * Messages per second that are inserted and, a flush later, deleted, on an embedded server with fsync, and the CPU time
 * that PostgreSQL's backend and this process take for a message. Run: bun queue-store.bench.ts
 */
const folder = await mkdtemp(join(tmpdir(), "switchyard-bench-"));
await chmod(folder, 0o755);
const log = new RecordingLog();
const server = new EmbeddedPostgres({ directory: join(folder, "postgres"), log });
await server.start();
const database = new Database({ url: () => server.url, log });
await database.start();
await migrate(database, { log });
const topology = new PostgresTopologyStore({ database });
const store = new PostgresQueueStore({ database, log, timeoutMs: 60_000 });
const body = toJsonText({
  order: 12_345,
  customer: "c".repeat(40),
  lines: [1, 2],
  note: "n".repeat(20),
});
const headers = toJsonText({ warehouse: "berlin", priority: 1 });
const leaseMs = 3_600_000;

let { incarnation } = await store.takeOver("bench", leaseMs);
let number = 0;

const durable = await declareQueues(1_000, true);
const transient = await declareQueues(1, false);
const one = durable.slice(0, 1);
const seqs = new Map<number, number>();

process.stdout.write(`body ${body.length} bytes\n`);
for (const _ of ["warm-up", "measured"]) {
  await measure("1 queue, 1,000 a flush", one, 1_000, 100, false);
  await measure("1 queue, 5,000 a flush", one, 5_000, 20, false);
  await measure("1 queue, 100 a flush", one, 100, 200, false);
  await measure("1 queue, 1 a flush", one, 1, 300, false);
  await measure("1 queue, 1,000 a flush, given ids", one, 1_000, 50, true);
  await measure("1,000 queues, 1,000 a flush", durable, 1_000, 50, false);
  await measure("1 transient queue, 1,000 a flush", transient, 1_000, 100, false);
}
await fill(1_000_000);
for (const _ of [1, 2]) {
  const startedAt = performance.now();
  const takeover = await store.takeOver("bench", leaseMs);
  process.stdout.write(`takeover with a million waiting: ${ms(startedAt)}\n`);
  ({ incarnation } = takeover);
  number = 0;
}
await measure("a million waiting, 1,000 a flush", durable.slice(1, 2), 1_000, 100, false);
await measure("a million waiting in the same queue", one, 1_000, 100, false);
const loadedAt = performance.now();
let after = 0;
for (let page = 0; page < 20; page += 1) {
  const bounds = { durable: true, lane: 9, limit: 1_000, maxBytes: 1e7, after };
  after = (await store.load({ queue: one[0]?.id ?? 0, ...bounds })).at(-1)?.seq ?? 0;
}
process.stdout.write(`20 windows of 1,000: ${ms(loadedAt)}\n`);

topology.stop();
store.stop();
await database.stop();
await server.stop();
await rm(folder, { recursive: true, force: true });

async function declareQueues(count: number, isDurable: boolean): Promise<readonly QueueState[]> {
  const names = Array.from({ length: count }, (_, index) => `${isDurable ? "d" : "t"}${index}`);
  for (const name of names) {
    const absent = { exclusiveTo: undefined, expiresMs: undefined, ttlMs: undefined };
    const bounds = { maxLength: undefined, maxBytes: undefined, maxAttempts: undefined };
    const deadLetters = { deadLetterExchange: undefined, deadLetterKey: undefined };
    await topology.declareQueue({
      ...{ name, durable: isDurable, autoDelete: false, ...absent, ...bounds, ...deadLetters },
      ...{ overflow: "drop-head", retry: undefined, singleActiveConsumer: false },
    });
  }
  return store.takeHomes(incarnation, names);
}

function makeMessage(queue: QueueState): StoredMessage {
  const seq = (seqs.get(queue.id) ?? 0) + 1;
  seqs.set(queue.id, seq);
  const id = `0192f0c1-7d5e-7${seq.toString(16).padStart(11, "0")}`;
  const key = "order.created.de";
  const contentType = "application/json";
  const event = {
    id,
    exchange: "orders",
    key,
    headers,
    body,
    contentType,
    publishedAt: 1.7e12 + seq,
  };
  const never = { expiresAt: undefined, deliverAt: undefined, deaths: undefined };
  return { queue: queue.id, lane: 9, seq, event, priority: 0, attempts: 0, ...never };
}

function flushOf(
  inserted: readonly StoredMessage[],
  former: readonly StoredMessage[],
  given: boolean,
): Flush {
  const ranges = new Map<number, { queue: number; lane: number; from: number; to: number }>();
  for (const { queue, lane, seq } of former) {
    const range = ranges.get(queue);
    if (range === undefined) ranges.set(queue, { queue, lane, from: seq, to: seq });
    else range.to = seq;
  }
  const deleted = [...ranges.values()];
  const isDurable = inserted[0]?.queue !== transient[0]?.id;
  const none = { inserted: [], deleted: [], changed: [] };
  const changes = { inserted, deleted, changed: [] };
  const expiresAt = Date.now() + 120_000;
  return {
    incarnation,
    number: (number += 1),
    after: number - 1,
    durable: isDurable ? changes : none,
    transient: isDurable ? none : changes,
    marks: deleted.map(({ queue, to }) => ({ queue, seq: to + 1 })),
    ids: given
      ? inserted.map(({ event }) => ({
          exchange: "orders",
          publisher: "p",
          id: `${event.id}${number}`,
          expiresAt,
        }))
      : [],
    idOf: new Map(given ? inserted.map((message, index) => [message, index] as const) : []),
  };
}

async function measure(
  title: string,
  queues: readonly QueueState[],
  size: number,
  flushes: number,
  given: boolean,
): Promise<void> {
  let former: readonly StoredMessage[] = [];
  const [backend] = await database.sql<{ pid: number }[]>`
    select pid from pg_stat_activity where application_name like 'switchyard queues %' order by backend_start desc limit 1`;
  const pid = backend?.pid ?? 0;
  const cpuBefore = await cpuMs(pid);
  const own = process.cpuUsage();
  const startedAt = performance.now();
  for (let index = 0; index < flushes; index += 1) {
    const inserted = Array.from({ length: size }, (_, at) => {
      const queue = queues[at % queues.length];
      if (queue === undefined) throw new Error("a measurement needs queues");
      return makeMessage(queue);
    });
    await store.flush(flushOf(inserted, former, given));
    former = inserted;
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const count = size * flushes;
  const { user, system } = process.cpuUsage(own);
  const perMessage = (micros: number): string => `${(micros / count).toFixed(1)} µs`.padStart(9);
  process.stdout.write(
    `${title.padEnd(40)} ${Math.round(count / seconds)
      .toLocaleString("en")
      .padStart(9)}/s, a flush ` +
      `${((seconds * 1_000) / flushes).toFixed(1).padStart(6)} ms; a message: backend ` +
      `${perMessage(((await cpuMs(pid)) - cpuBefore) * 1_000)}, here ${perMessage(user + system)}\n`,
  );
}

async function fill(count: number): Promise<void> {
  for (let done = 0; done < count; done += 5_000) {
    const [queue] = one;
    if (queue === undefined) return;
    await store.flush(
      flushOf(
        Array.from({ length: 5_000 }, () => makeMessage(queue)),
        [],
        false,
      ),
    );
  }
}

/** User and system time; 0 where there is no /proc. */
async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, fields = ""] = text.split(") ");
  const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
  return (user + system) * 10;
}

function ms(startedAt: number): string {
  return `${Math.round(performance.now() - startedAt)} ms`;
}
