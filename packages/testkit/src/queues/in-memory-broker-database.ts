import {
  type BindingDefinition,
  type Clock,
  type ExchangeDefinition,
  type FlushOutcome,
  type QueueDefinition,
  SwitchyardError,
  type TopologyChange,
} from "@switchyard/core";
import { MessageTable } from "./message-table.ts";

/** A queue's row: what outlives its messages. */
export interface QueueRow {
  readonly id: number;
  readonly definition: QueueDefinition;
  /** A node's name. */
  home: string | undefined;
  nextSeq: number;
  deliveredBelow: number;
}

/** A node's row: its current incarnation. */
export interface NodeRow {
  epoch: number;
  /** By the database's clock, Unix milliseconds. */
  leasedUntil: number;
  /** Of this epoch; 0: none yet. */
  lastFlush: number;
  /** Of this epoch's flushes, by number. */
  readonly outcomes: Map<number, FlushOutcome>;
  /** `InMemoryBrokerDatabase.wipes` as this incarnation knows it. */
  knownWipes: number;
}

/**
 * What the broker's stores keep, in memory, for tests. The stores that share it see each other's queues. Outlives the
 * broker, not the process; every operation is one turn, so that it is a transaction by itself.
 */
export class InMemoryBrokerDatabase {
  readonly clock: Clock;
  readonly durable = new MessageTable();
  readonly transient = new MessageTable();
  readonly nodes = new Map<string, NodeRow>();
  readonly queues = new Map<string, QueueRow>();
  readonly exchanges = new Map<string, ExchangeDefinition>();
  /** By what makes two the same. */
  readonly bindings = new Map<string, BindingDefinition>();
  readonly changes: (TopologyChange & { readonly version: number })[] = [];
  /** When a given id is forgotten, Unix milliseconds. */
  readonly ids = new Map<string, number>();
  #away = false;
  #wipes = 0;
  #lastQueueId = 0;

  /** @param clock the store's: its `now` decides on leases and given ids. */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** From now on nobody can reach it: every operation of its stores rejects with `storeUnavailable`. */
  goAway(): void {
    this.#away = true;
  }

  comeBack(): void {
    this.#away = false;
  }

  /** Throws while it is away. Called at the start of every operation. */
  reach(): void {
    if (this.#away) throw new SwitchyardError("storeUnavailable");
  }

  /** How often the transient messages were lost. */
  get wipes(): number {
    return this.#wipes;
  }

  get version(): number {
    return this.changes.at(-1)?.version ?? 0;
  }

  /** Empties the transient table, as PostgreSQL does when it starts after a crash. */
  wipeTransient(): void {
    this.transient.clear();
    this.#wipes += 1;
  }

  table(durable: boolean): MessageTable {
    return durable ? this.durable : this.transient;
  }

  /** Notes a change; returns its version. */
  record(change: TopologyChange): number {
    const version = this.version + 1;
    this.changes.push({ ...change, version });
    return version;
  }

  insertQueue(definition: QueueDefinition): void {
    this.#lastQueueId += 1;
    const id = this.#lastQueueId;
    this.queues.set(definition.name, {
      ...{ id, definition, home: undefined, nextSeq: 1, deliveredBelow: 0 },
    });
  }

  /** The messages too. */
  deleteQueue(row: QueueRow): void {
    this.queues.delete(row.definition.name);
    this.table(row.definition.durable).removeQueue(row.id);
  }
}
