import {
  type BindingDefinition,
  type BindOutcome,
  type DeclareOutcome,
  type ExchangeDefinition,
  type QueueDefinition,
  SwitchyardError,
  type Topology,
  type TopologyChange,
  type TopologyStore,
} from "@switchyard/core";
import type { Sql } from "postgres";
import type { Database } from "../database.ts";
import { DedicatedConnection } from "./dedicated-connection.ts";
import {
  bindingIdentity,
  differingMembers,
  toBinding,
  toExchange,
  toQueue,
} from "./definitions.ts";

/** Deleting a queue deletes what waits in it. */
const TIMEOUT_MS = 30_000;
const CHANGES_KEPT = 10_000;

export interface PostgresTopologyStoreOptions {
  readonly database: Database;
}

/**
 * Exchanges, queues and bindings in the tables of `0002_queues.sql`. Each change is a transaction that holds
 * the one row of `topology_version` from its first statement on: changes happen one after the other in the whole cluster.
 */
export class PostgresTopologyStore implements TopologyStore {
  readonly name = "topology store";
  readonly #connection: DedicatedConnection;

  constructor({ database }: PostgresTopologyStoreOptions) {
    this.#connection = new DedicatedConnection({
      database,
      applicationName: "switchyard topology",
      settings: `set statement_timeout = ${TIMEOUT_MS}`,
      timeoutMs: TIMEOUT_MS,
    });
  }

  /** Drops the connection without waiting for what is under way. */
  stop(): void {
    this.#connection.close();
  }

  async load(): Promise<Topology> {
    // One statement, so that all is of one version.
    const rows = await this.#connection.transaction(
      (sql) => sql<{ kind: "version" | "exchange" | "queue" | "binding"; value: string }[]>`
        select 'version' as kind, '' as name, version::text as value from switchyard.topology_version
        union all select 'exchange', name, definition from switchyard.exchanges
        union all select 'queue', name, definition from switchyard.queues
        union all select 'binding', identity, definition from switchyard.bindings
        order by kind, name`,
    );
    const valuesOf = (kind: (typeof rows)[number]["kind"]): readonly object[] =>
      rows.filter((row) => row.kind === kind).map(({ value }) => parseObject(value));
    return {
      version: Number(rows.find(({ kind }) => kind === "version")?.value ?? 0),
      exchanges: valuesOf("exchange").map(toExchange),
      queues: valuesOf("queue").map(toQueue),
      bindings: valuesOf("binding").map(toBinding),
    };
  }

  /** Rejects with `unrecoverablePosition` when `version` is more than 10,000 changes ago: then `load` is what helps. */
  async changesSince(
    version: number,
  ): Promise<readonly (TopologyChange & { readonly version: number })[]> {
    const rows = await this.#connection.transaction(
      (sql) => sql<{ version: string; change: string }[]>`
        select version, change from switchyard.topology_changes where version > ${version} order by version`,
    );
    const [first] = rows;
    if (first !== undefined && Number(first.version) !== version + 1)
      throw new SwitchyardError("unrecoverablePosition");
    return rows.map((row) => ({ ...parseChange(row.change), version: Number(row.version) }));
  }

  async declareExchange(exchange: ExchangeDefinition): Promise<DeclareOutcome> {
    return this.#change(async (sql, version) => {
      const [found] = await sql<{ definition: string }[]>`
        select definition from switchyard.exchanges where name = ${exchange.name}`;
      if (found !== undefined)
        return compare(toExchange(parseObject(found.definition)), exchange, version);
      await sql`
        insert into switchyard.exchanges (name, definition)
        values (${exchange.name}, ${JSON.stringify(exchange)})`;
      return { kind: "declared", version: await log(sql, { type: "exchangeDeclared", exchange }) };
    });
  }

  async declareQueue(queue: QueueDefinition): Promise<DeclareOutcome> {
    return this.#change(async (sql, version) => {
      const [found] = await sql<{ definition: string }[]>`
        select definition from switchyard.queues where name = ${queue.name}`;
      if (found !== undefined)
        return compare(toQueue(parseObject(found.definition)), queue, version);
      await sql`
        with declared as (
          insert into switchyard.queues (name, definition)
          values (${queue.name}, ${JSON.stringify(queue)}) returning id
        )
        insert into switchyard.queue_homes (queue, next_seq, delivered_below) select id, 1, 0 from declared`;
      return { kind: "declared", version: await log(sql, { type: "queueDeclared", queue }) };
    });
  }

  async deleteExchange(name: string): Promise<number | undefined> {
    return this.#change(async (sql) => {
      const { count } = await sql`delete from switchyard.exchanges where name = ${name}`;
      if (count === 0) return undefined;
      await sql`
        delete from switchyard.bindings
        where exchange = ${name} or (destination_type = 'exchange' and destination = ${name})`;
      return log(sql, { type: "exchangeDeleted", name });
    });
  }

  async deleteQueue(name: string): Promise<number | undefined> {
    return this.#change(async (sql) => {
      const [gone] = await sql<{ id: number }[]>`
        delete from switchyard.queues where name = ${name} returning id`;
      if (gone === undefined) return undefined;
      // Before its messages: a flush under way holds this row, and a later one that misses it adds none.
      await sql`delete from switchyard.queue_homes where queue = ${gone.id}`;
      await sql`delete from switchyard.messages where queue = ${gone.id}`;
      await sql`delete from switchyard.transient_messages where queue = ${gone.id}`;
      await sql`
        delete from switchyard.bindings where destination_type = 'queue' and destination = ${name}`;
      return log(sql, { type: "queueDeleted", name });
    });
  }

  async bind(binding: BindingDefinition): Promise<BindOutcome> {
    const { exchange, destination } = binding;
    return this.#change(async (sql, version) => {
      if (!(await exists(sql, "exchange", exchange)))
        return { kind: "missing", what: "exchange", name: exchange };
      const { type, name } = destination;
      if (type !== "channel" && !(await exists(sql, type, name)))
        return { kind: "missing", what: type, name };
      const { count } = await sql`
        insert into switchyard.bindings (identity, exchange, destination_type, destination, definition)
        values (${bindingIdentity(binding)}, ${exchange}, ${type}, ${name}, ${JSON.stringify(binding)})
        on conflict (identity) do nothing`;
      if (count === 0) return { kind: "unchanged", version };
      return { kind: "bound", version: await log(sql, { type: "bound", binding }) };
    });
  }

  async unbind(binding: BindingDefinition): Promise<number | undefined> {
    return this.#change(async (sql) => {
      const [gone] = await sql<{ definition: string }[]>`
        delete from switchyard.bindings where identity = ${bindingIdentity(binding)} returning definition`;
      if (gone === undefined) return undefined;
      return log(sql, { type: "unbound", binding: toBinding(parseObject(gone.definition)) });
    });
  }

  /** `version`: the present one. Its row stays locked until the transaction ends. */
  async #change<Result>(work: (sql: Sql, version: number) => Promise<Result>): Promise<Result> {
    return this.#connection.transaction(async (sql) => {
      const [row] = await sql<{ version: string }[]>`
        select version from switchyard.topology_version for update`;
      return work(sql, Number(row?.version));
    });
  }
}

/** Returns the version that it makes. */
async function log(sql: Sql, change: TopologyChange): Promise<number> {
  const [row] = await sql<{ version: string }[]>`
    with next as (update switchyard.topology_version set version = version + 1 returning version),
    trimmed as (
      delete from switchyard.topology_changes where version <= (select version from next) - ${CHANGES_KEPT}
    )
    insert into switchyard.topology_changes (version, change)
    select version, ${JSON.stringify(change)} from next returning version`;
  return Number(row?.version);
}

function compare<Definition extends object>(
  found: Definition,
  wanted: Definition,
  version: number,
): DeclareOutcome {
  const members = differingMembers(found, wanted);
  return members.length === 0 ? { kind: "unchanged", version } : { kind: "mismatch", members };
}

async function exists(sql: Sql, what: "exchange" | "queue", name: string): Promise<boolean> {
  const [found] = await sql`select from switchyard.${sql(`${what}s`)} where name = ${name}`;
  return found !== undefined;
}

function parseChange(text: string): TopologyChange {
  // Written by `log`.
  const change = JSON.parse(text) as TopologyChange;
  switch (change.type) {
    case "exchangeDeclared":
      return { ...change, exchange: toExchange(change.exchange) };
    case "queueDeclared":
      return { ...change, queue: toQueue(change.queue) };
    case "bound":
    case "unbound":
      return { ...change, binding: toBinding(change.binding) };
    case "exchangeDeleted":
    case "queueDeleted":
      return change;
  }
}

function parseObject(text: string): object {
  return JSON.parse(text) as object; // written by JSON.stringify of a definition
}
