import {
  type DelayedQuery,
  delayedLane,
  type Flush,
  type FlushOutcome,
  type Incarnation,
  type Log,
  type QueueState,
  type QueueStore,
  type StoredMessage,
  type Takeover,
  type WindowQuery,
} from "@switchyard/core";
import type { Sql } from "postgres";
import type { Database } from "../database.ts";
import { DedicatedConnection } from "./dedicated-connection.ts";
import { type FlushRow, flushStatement } from "./flush-statement.ts";
import { messageColumns, type MessageRow, toStoredMessage } from "./message-rows.ts";
import { sessionName, takeHomes, takeOver } from "./takeover.ts";

const DEFAULT_TIMEOUT_MS = 5_000;
/** Counting what waits reads it all. */
const HOMES_PATIENCE = 6;
const FORGET_ROWS = 10_000;

export interface PostgresQueueStoreOptions {
  readonly database: Database;
  readonly log: Log;
  /** How long a flush, a renewal or a window may take; six times as long for homes. Default 5 000. */
  readonly timeoutMs?: number;
}

/**
 * Queues in the tables of `0002_queues.sql`. A node's flushes and renewals go through one connection that names node and
 * epoch, so that a takeover can end what the former incarnation left under way; windows are read through
 * another, homes taken through a third.
 */
export class PostgresQueueStore implements QueueStore {
  readonly name = "queue store";
  readonly #options: PostgresQueueStoreOptions;
  readonly #timeoutMs: number;
  /** By node. */
  readonly #writers = new Map<string, Writer>();
  readonly #reader: DedicatedConnection;
  readonly #homes: DedicatedConnection;

  constructor(options: PostgresQueueStoreOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#reader = this.#connection("switchyard queue windows");
    const homesTimeoutMs = this.#timeoutMs * HOMES_PATIENCE;
    this.#homes = new DedicatedConnection({
      database: options.database,
      applicationName: "switchyard queue homes",
      settings: `set statement_timeout = ${homesTimeoutMs}; set jit = off`,
      timeoutMs: homesTimeoutMs,
    });
  }

  /** Drops the connections without waiting for what is under way. */
  stop(): void {
    for (const { connection } of this.#writers.values()) connection.close();
    this.#writers.clear();
    this.#reader.close();
    this.#homes.close();
  }

  async takeOver(node: string, leaseMs: number): Promise<Takeover> {
    const takeover = await this.#homes.transaction((sql) => takeOver(sql, node, leaseMs));
    const { incarnation, queues } = takeover;
    // The server has ended it, but that may not have arrived yet.
    this.#writers.get(node)?.connection.close();
    this.#options.log.info(
      { node, epoch: incarnation.epoch, queues: queues.length },
      "took over the queues",
    );
    return takeover;
  }

  async takeHomes(
    incarnation: Incarnation,
    names: readonly string[],
  ): Promise<readonly QueueState[]> {
    if (names.length === 0) return [];
    return this.#homes.transaction((sql) => takeHomes(sql, incarnation, names));
  }

  async renew(incarnation: Incarnation, leaseMs: number): Promise<number | undefined> {
    const { node, epoch } = incarnation;
    const [row] = await this.#writer(incarnation).run(
      (sql) => sql<{ now: number }[]>`
        update switchyard.broker_nodes set lease_until = now() + ${leaseMs} * interval '1 ms'
        where name = ${node} and epoch = ${epoch}
        returning extract(epoch from now())::float8 * 1000 as now`,
    );
    return row?.now;
  }

  async flush(flush: Flush): Promise<FlushOutcome> {
    const { text, parameters } = flushStatement(flush);
    return this.#writer(flush.incarnation).run(async (sql) => {
      const [row] = await sql.unsafe<FlushRow[]>(text, [...parameters], { prepare: true });
      if (row?.committed !== true) return readOutcome(sql, flush);
      return {
        kind: "committed",
        duplicates: row.duplicates ?? [],
        transientIntact: !row.transient_lost,
      };
    });
  }

  async load(window: WindowQuery): Promise<readonly StoredMessage[]> {
    const { queue, lane, after, limit, maxBytes } = window;
    const rows = await this.#reader.run((sql) =>
      sql.unsafe<MessageRow[]>(
        `select ${messageColumns} from (
           select *, row_number() over waiting as position,
                  sum(coalesce(octet_length(body), octet_length(body_bytes))) over waiting as total
           from switchyard.${tableOf(window)}
           where queue = $1::int and lane = $2::smallint and seq > $3::bigint
           window waiting as (order by seq rows unbounded preceding)
           order by seq
           limit $4::bigint
         ) as page
         where total <= $5::float8 or position = 1
         order by seq`,
        [queue, lane, after, limit, maxBytes].map(String),
        { prepare: true },
      ),
    );
    return rows.map(toStoredMessage);
  }

  async loadDelayed(window: DelayedQuery): Promise<readonly StoredMessage[]> {
    const { queue, after, limit } = window;
    const rows = await this.#reader.run((sql) =>
      sql.unsafe<MessageRow[]>(
        `select ${messageColumns} from switchyard.${tableOf(window)}
         where queue = $1::int and lane = ${delayedLane} and (deliver_at, seq) > ($2::float8, $3::bigint)
         order by deliver_at, seq
         limit $4::bigint`,
        [queue, after?.deliverAt ?? "-Infinity", after?.seq ?? 0, limit].map(String),
        { prepare: true },
      ),
    );
    return rows.map(toStoredMessage);
  }

  async forgetIds(): Promise<void> {
    for (;;) {
      // Those that a flush records anew in this moment are passed over.
      const { count } = await this.#reader.run(
        (sql) => sql`
          delete from switchyard.event_ids where ctid = any(array(
            select ctid from switchyard.event_ids
            where expires_at <= extract(epoch from now())::float8 * 1000
            limit ${FORGET_ROWS}
            for update skip locked
          ))`,
      );
      if (count < FORGET_ROWS) return;
    }
  }

  /** A store serves one node, in tests several. The connection bears the name of the latest epoch. */
  #writer(incarnation: Incarnation): DedicatedConnection {
    const found = this.#writers.get(incarnation.node);
    if (found !== undefined && found.epoch >= incarnation.epoch) return found.connection;
    found?.connection.close();
    const connection = this.#connection(sessionName(incarnation));
    this.#writers.set(incarnation.node, { epoch: incarnation.epoch, connection });
    return connection;
  }

  #connection(applicationName: string): DedicatedConnection {
    const timeoutMs = this.#timeoutMs;
    return new DedicatedConnection({
      database: this.#options.database,
      applicationName,
      settings: sessionSettings(timeoutMs),
      timeoutMs,
    });
  }
}

interface Writer {
  readonly epoch: number;
  readonly connection: DedicatedConnection;
}

/**
 * Plans are made once and for any number of rows, by index: statistics of a queue's table are of another hour.
 * `synchronous_commit` is left alone where somebody asked for more than the local disk.
 */
const sessionSettings = (timeoutMs: number): string => `
  set statement_timeout = ${timeoutMs};
  set default_transaction_isolation = 'read committed';
  set plan_cache_mode = force_generic_plan;
  set enable_seqscan = off;
  set enable_bitmapscan = off;
  set enable_hashjoin = off;
  set enable_mergejoin = off;
  set jit = off;
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

function tableOf({ durable }: { readonly durable: boolean }): string {
  return durable ? "messages" : "transient_messages";
}

interface NodeRow {
  readonly last_flush: string;
  readonly duplicates: string | null;
  readonly transient_intact: boolean | null;
}

/** Why the gate was closed. Read after it, so that what has closed it is seen. */
async function readOutcome(sql: Sql, { incarnation, number }: Flush): Promise<FlushOutcome> {
  const { node, epoch } = incarnation;
  const [row] = await sql<NodeRow[]>`
    select n.last_flush, o.duplicates, o.transient_intact
    from switchyard.broker_nodes n
    left join switchyard.flush_outcomes o on o.node = n.name and o.epoch = n.epoch and o.flush = ${number}
    where n.name = ${node} and n.epoch = ${epoch}`;
  if (row === undefined) return { kind: "fenced" };
  if (Number(row.last_flush) < number) return { kind: "early" };
  return {
    kind: "committed",
    // Written by the flush statement.
    duplicates: row.duplicates === null ? [] : (JSON.parse(row.duplicates) as number[]),
    transientIntact: row.transient_intact ?? true,
  };
}
