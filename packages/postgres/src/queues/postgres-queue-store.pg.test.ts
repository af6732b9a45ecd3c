import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import type {
  Flush,
  Incarnation,
  MessageChanges,
  QueueState,
  StoredMessage,
} from "@switchyard/core";
import { toJsonText } from "@switchyard/protocol";
import { CutProxy, RecordingLog } from "@switchyard/testkit";
import postgres from "postgres";
import { openEmbeddedDatabase } from "../../test/embedded-database.ts";
import type { EmbeddedDatabase } from "../../test/embedded-database.ts";
import { waitFor } from "../../test/wait-for.ts";
import { Database } from "../database.ts";
import { migrate } from "../migrations.ts";
import { PostgresQueueStore } from "./postgres-queue-store.ts";
import { PostgresTopologyStore } from "./postgres-topology-store.ts";
import { sessionName } from "./takeover.ts";

setDefaultTimeout(60_000);

let embedded: EmbeddedDatabase;
let proxy: CutProxy;
let database: Database;
let topology: PostgresTopologyStore;
let store: PostgresQueueStore;
let incarnation: Incarnation;
let queue: QueueState;
let transient: QueueState;
/** Past the proxy. */
let direct: postgres.Sql;
let number = 0;

const log = new RecordingLog();
const leaseMs = 60_000;
const timeoutMs = 500;

beforeAll(async () => {
  embedded = await openEmbeddedDatabase();
});

afterAll(() => embedded.close());

beforeEach(async () => {
  proxy = await CutProxy.start(embedded.server.url);
  const url = new URL(embedded.server.url);
  url.host = proxy.host;
  database = new Database({ url: () => url.href, log });
  await database.start();
  await migrate(database, { log });
  topology = new PostgresTopologyStore({ database });
  store = new PostgresQueueStore({ database, log, timeoutMs });
  direct = postgres(embedded.server.url, { max: 1, onnotice: () => undefined });
  ({ incarnation } = await store.takeOver(crypto.randomUUID(), leaseMs));
  number = 0;
  queue = await declare(true);
  transient = await declare(false);
});

afterEach(async () => {
  store.stop();
  topology.stop();
  await database.stop();
  await direct.end({ timeout: 1 });
  await proxy[Symbol.asyncDispose]();
});

test("an answer that never comes: the same flush again takes effect once", async () => {
  await store.flush(flushOf({ inserted: messages(queue, 1, 2) }));
  const lost = flushOf({ inserted: messages(queue, 3, 4) });
  proxy.holdAnswers();
  expect(await kindOf(store.flush(lost))).toBe("storeUnavailable");
  expect(await seqs(queue)).toEqual([1, 2, 3, 4]);
  expect(await store.flush(lost)).toMatchObject({ kind: "committed", duplicates: [] });
  expect(await seqs(queue)).toEqual([1, 2, 3, 4]);
});

test("a flush that waits for a lock too long is given up, and may come again", async () => {
  await direct`begin`;
  await direct`select from switchyard.broker_nodes where name = ${incarnation.node} for update`;
  const flush = flushOf({ inserted: messages(queue, 1, 1) });
  expect(await kindOf(store.flush(flush))).toBe("storeUnavailable");
  expect(await kindOf(store.renew(incarnation, leaseMs))).toBe("storeUnavailable");
  await direct`rollback`;
  expect(await store.flush(flush)).toMatchObject({ kind: "committed" });
  expect(await seqs(queue)).toEqual([1]);
  expect(await store.renew(incarnation, leaseMs)).toBeNumber();
});

test("a terminated backend: storeUnavailable once, then a new connection", async () => {
  await store.flush(flushOf({ inserted: messages(queue, 1, 1) }));
  const [backend] = await direct<{ pid: number }[]>`
    select pid from pg_stat_activity where application_name = ${sessionName(incarnation)}`;
  await direct`select pg_terminate_backend(${backend?.pid ?? 0})`;
  const flush = flushOf({ inserted: messages(queue, 2, 2) });
  await waitFor("the flush is through", async () => {
    const kind = await kindOf(store.flush(flush));
    expect(["none", "storeUnavailable"]).toContain(kind);
    return kind === "none";
  });
  expect(await seqs(queue)).toEqual([1, 2]);
});

test("a takeover ends the statements of the former incarnation, which hold up nothing", async () => {
  await store.flush(flushOf({ inserted: messages(queue, 1, 1) }));
  // The former process: stopped in the midst of a transaction that holds its node's row.
  const name = sessionName(incarnation);
  const former = postgres(embedded.server.url, {
    max: 1,
    connection: { application_name: name },
    onclose: () => void former.end({ timeout: 0 }),
  });
  await former`begin`;
  await former`select from switchyard.broker_nodes where name = ${incarnation.node} for update`;
  const other = new PostgresQueueStore({ database, log });
  const takeover = await other.takeOver(incarnation.node, leaseMs);
  expect(takeover.incarnation.epoch).toBe(incarnation.epoch + 1);
  expect(takeover.queues.find(({ id }) => id === queue.id)?.lanes).toHaveLength(1);
  await waitFor("its backends are gone", async () => {
    const left = await direct`select from pg_stat_activity where application_name = ${name}`;
    return left.length === 0;
  });
  other.stop();
  await former.end({ timeout: 1 });
});

test("of two nodes that begin at once, one gets a new queue", async () => {
  const other = new PostgresQueueStore({ database, log });
  for (let round = 0; round < 10; round += 1) {
    const name = await declareWithoutHome(true);
    const takeovers = await Promise.all(
      [store, other].map((each) => each.takeOver(crypto.randomUUID(), leaseMs)),
    );
    const homes = takeovers.filter(({ queues }) => queues.some((each) => each.name === name));
    expect(homes).toHaveLength(1);
  }
  other.stop();
});

test("session names tell node and epoch, whatever their length", () => {
  const names = ["a", "ż".repeat(200), `${"ż".repeat(199)}z`].map((node) =>
    sessionName({ node, epoch: Number.MAX_SAFE_INTEGER }),
  );
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
});

test("kill -9 of PostgreSQL: what was durable is there, the loss of the rest is told once", async () => {
  await store.flush(
    flushOf({ inserted: messages(queue, 1, 3) }, { inserted: messages(transient, 1, 3) }),
  );
  const { pid = 0 } = embedded.server;
  process.kill(pid, "SIGKILL");
  await waitFor(
    "PostgreSQL is back",
    () => ![undefined, pid].includes(embedded.server.pid),
    30_000,
  );
  const flush = flushOf(
    { inserted: messages(queue, 4, 4) },
    { inserted: messages(transient, 4, 4) },
  );
  let outcome: unknown;
  await waitFor("a flush is through", async () => {
    outcome = await store.flush(flush).catch(() => undefined);
    return outcome !== undefined;
  });
  expect(outcome).toEqual({ kind: "committed", duplicates: [], transientIntact: false });
  expect(await store.flush(flush)).toEqual({
    kind: "committed",
    duplicates: [],
    transientIntact: false,
  });
  expect(await store.flush(flushOf({}))).toEqual({
    kind: "committed",
    duplicates: [],
    transientIntact: true,
  });
  expect(await seqs(queue)).toEqual([1, 2, 3, 4]);
  expect(await seqs(transient)).toEqual([4]);
});

test("plans made on empty tables read full ones by index", async () => {
  // A backend that ends has counted what it did: of homes, which are taken with other plans.
  store.stop();
  await waitFor("the backends are gone", async () => (await sessions()) === 0);
  // Prepared while there is nothing.
  await store.flush(flushOf({ inserted: messages(queue, 1, 1) }));
  await store.flush(flushOf({ deleted: [{ queue: queue.id, lane: 9, from: 1, to: 1 }] }));
  await seqs(queue);
  const before = await scans();
  for (let from = 2; from < 20_000; from += 5_000)
    await store.flush(flushOf({ inserted: messages(queue, from, from + 4_999) }));
  for (let seq = 100; seq < 2_000; seq += 100) {
    const place = { queue: queue.id, lane: 9, seq };
    await store.flush(
      flushOf({
        deleted: [{ queue: queue.id, lane: 9, from: seq - 50, to: seq - 1 }],
        changed: [
          { ...place, newLane: 9, newSeq: seq + 100_000, attempts: 1, deliverAt: undefined },
        ],
      }),
    );
    await store.load({
      queue: queue.id,
      durable: true,
      lane: 9,
      after: seq,
      limit: 10,
      maxBytes: 1e6,
    });
    await store.loadDelayed({ queue: queue.id, durable: true, after: undefined, limit: 10 });
  }
  store.stop();
  await waitFor("the scans are counted", async () => (await scans()).byIndex > before.byIndex + 50);
  expect((await scans()).whole).toBe(before.whole);
});

test("a queue that is deleted while a flush to it is under way leaves no messages", async () => {
  for (let round = 0; round < 10; round += 1) {
    const gone = await declare(round % 2 === 0);
    const changes = { inserted: messages(gone, 1, 200) };
    const flush = round % 2 === 0 ? flushOf(changes) : flushOf({}, changes);
    const [outcome] = await Promise.all([store.flush(flush), topology.deleteQueue(gone.name)]);
    expect(outcome.kind).toBe("committed");
    for (const table of ["messages", "transient_messages"])
      expect(
        await direct`select from switchyard.${direct(table)} where queue = ${gone.id}`,
      ).toHaveLength(0);
    expect(await direct`select from switchyard.queue_homes where queue = ${gone.id}`).toHaveLength(
      0,
    );
  }
});

test("changes of the topology beyond the last 10,000 are not pretended to be all", async () => {
  const { version } = await topology.load();
  await direct`
    insert into switchyard.topology_changes (version, change)
    select ${version}::bigint + n, '{"type":"queueDeleted","name":"q"}' from generate_series(1, 10000) n`;
  await direct`update switchyard.topology_version set version = version + 10000`;
  expect(await topology.changesSince(version)).toHaveLength(10_000);
  await topology.declareExchange({
    name: crypto.randomUUID(),
    type: "topic",
    alternateExchange: undefined,
  });
  expect(await kindOf(topology.changesSince(version))).toBe("unrecoverablePosition");
  expect(await topology.changesSince(version + 1)).toHaveLength(10_000);
});

async function declare(durable: boolean): Promise<QueueState> {
  const name = await declareWithoutHome(durable);
  const [state] = await store.takeHomes(incarnation, [name]);
  if (state === undefined) throw new Error("a new queue has no other home");
  return state;
}

async function declareWithoutHome(durable: boolean): Promise<string> {
  const name = crypto.randomUUID();
  await topology.declareQueue({
    ...{
      name,
      durable,
      exclusiveTo: undefined,
      autoDelete: false,
      expiresMs: undefined,
      ttlMs: undefined,
    },
    ...{
      maxLength: undefined,
      maxBytes: undefined,
      overflow: "drop-head",
      deadLetterExchange: undefined,
    },
    ...{
      deadLetterKey: undefined,
      maxAttempts: undefined,
      retry: undefined,
      singleActiveConsumer: false,
    },
  });
  return name;
}

function flushOf(durable: Partial<MessageChanges>, unlogged: Partial<MessageChanges> = {}): Flush {
  const none: MessageChanges = { inserted: [], deleted: [], changed: [] };
  number += 1;
  return {
    ...{
      incarnation,
      number,
      after: number - 1,
      marks: [],
      ids: [],
      idOf: new Map<StoredMessage, number>(),
    },
    durable: { ...none, ...durable },
    transient: { ...none, ...unlogged },
  };
}

function messages({ id }: QueueState, from: number, to: number): readonly StoredMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    ...{ queue: id, lane: 9, seq: from + index, priority: 0, attempts: 0 },
    ...{ expiresAt: undefined, deliverAt: undefined, deaths: undefined },
    event: {
      ...{ id: `event ${from + index}`, exchange: "orders", key: "k", headers: toJsonText({}) },
      ...{ body: toJsonText(from + index), contentType: "application/json", publishedAt: 1 },
    },
  }));
}

/** Past the store. */
async function seqs({ id }: QueueState): Promise<readonly number[]> {
  const table = id === transient.id ? "transient_messages" : "messages";
  const rows = await embeddedQuery<{ seq: number }>(
    `select seq::float8 from switchyard.${table} where queue = ${id} order by seq`,
  );
  return rows.map(({ seq }) => seq);
}

async function embeddedQuery<Row>(text: string): Promise<readonly Row[]> {
  const sql = postgres(embedded.server.url, { max: 1 });
  try {
    return await sql.unsafe<(Row & object)[]>(text);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function sessions(): Promise<number> {
  const rows = await direct`
    select from pg_stat_activity where application_name like 'switchyard queue%'`;
  return rows.length;
}

async function scans(): Promise<{ readonly whole: number; readonly byIndex: number }> {
  const [row] = await direct<{ whole: number; byIndex: number }[]>`
    select sum(seq_scan)::float8 as whole, sum(idx_scan)::float8 as "byIndex"
    from pg_stat_user_tables where relname in ('messages', 'queue_homes', 'broker_nodes', 'event_ids')`;
  return row ?? { whole: 0, byIndex: 0 };
}

/** Of the error that it rejects with; "none". */
async function kindOf(operation: Promise<unknown>): Promise<string> {
  return operation.then(
    () => "none",
    (error: unknown) => (error instanceof SwitchyardError ? error.kind : String(error)),
  );
}
