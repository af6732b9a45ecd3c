import type {
  DelayedQuery,
  Flush,
  FlushOutcome,
  GivenId,
  Incarnation,
  MessageChanges,
  QueueState,
  QueueStore,
  StoredMessage,
  Takeover,
  WindowQuery,
} from "@switchyard/core";
import type { InMemoryBrokerDatabase, NodeRow, QueueRow } from "./in-memory-broker-database.ts";
import { bodyBytes } from "./message-table.ts";

/**
 * A `QueueStore` in memory, for tests of what is built on one. Keeps what the port promises, and is stricter where the
 * port leaves things to the caller: a message that is both deleted and changed in one flush is an error.
 */
export class InMemoryQueueStore implements QueueStore {
  readonly #database: InMemoryBrokerDatabase;

  constructor(database: InMemoryBrokerDatabase) {
    this.#database = database;
  }

  // Async without await, here and below: errors become rejections, and each operation is one turn.
  async takeOver(node: string, leaseMs: number): Promise<Takeover> {
    this.#database.reach();
    const now = this.#database.clock.now();
    const epoch = (this.#database.nodes.get(node)?.epoch ?? 0) + 1;
    const row: NodeRow = {
      ...{ epoch, leasedUntil: now + leaseMs, lastFlush: 0, outcomes: new Map() },
      knownWipes: this.#database.wipes,
    };
    this.#database.nodes.set(node, row);
    const queues = [...this.#database.queues.values()];
    return { incarnation: { node, epoch }, storeNow: now, queues: this.#take(node, queues) };
  }

  async takeHomes(
    incarnation: Incarnation,
    names: readonly string[],
  ): Promise<readonly QueueState[]> {
    this.#database.reach();
    if (this.#current(incarnation) === undefined) return [];
    const rows = [...new Set(names)].flatMap((name) => this.#database.queues.get(name) ?? []);
    return this.#take(incarnation.node, rows);
  }

  async renew(incarnation: Incarnation, leaseMs: number): Promise<number | undefined> {
    this.#database.reach();
    const row = this.#current(incarnation);
    if (row === undefined) return undefined;
    const now = this.#database.clock.now();
    row.leasedUntil = now + leaseMs;
    return now;
  }

  async flush(flush: Flush): Promise<FlushOutcome> {
    this.#database.reach();
    const row = this.#current(flush.incarnation);
    if (row === undefined) return { kind: "fenced" };
    const known = row.outcomes.get(flush.number);
    if (known !== undefined) return known;
    if (flush.after !== row.lastFlush) return { kind: "early" };
    const duplicates = this.#duplicates(flush.ids);
    const durable = this.#storable(flush, flush.durable, duplicates);
    const transient = this.#storable(flush, flush.transient, duplicates);
    const problem =
      this.#database.durable.problemWith(durable) ??
      this.#database.transient.problemWith(transient);
    if (problem !== undefined) throw new Error(`flush ${flush.number}: ${problem}`);

    const outcome: FlushOutcome = {
      kind: "committed",
      duplicates: [...duplicates],
      transientIntact: row.knownWipes === this.#database.wipes,
    };
    this.#database.durable.apply(durable);
    this.#database.transient.apply(transient);
    this.#raise(flush, [durable, transient]);
    for (const [index, id] of flush.ids.entries())
      if (!duplicates.has(index)) this.#database.ids.set(idKey(id), id.expiresAt);
    row.lastFlush = flush.number;
    row.outcomes.set(flush.number, outcome);
    row.knownWipes = this.#database.wipes;
    return outcome;
  }

  async load({
    queue,
    durable,
    lane,
    after,
    limit,
    maxBytes,
  }: WindowQuery): Promise<readonly StoredMessage[]> {
    this.#database.reach();
    const messages = this.#database.table(durable).above(queue, lane, after).slice(0, limit);
    let bytes = 0;
    const end = messages.findIndex((message, index) => {
      bytes += bodyBytes(message);
      return index > 0 && bytes > maxBytes;
    });
    return end === -1 ? messages : messages.slice(0, end);
  }

  async loadDelayed({
    queue,
    durable,
    after,
    limit,
  }: DelayedQuery): Promise<readonly StoredMessage[]> {
    this.#database.reach();
    return this.#database
      .table(durable)
      .delayed(queue)
      .filter(({ deliverAt = 0, seq }) => {
        if (after === undefined) return true;
        return deliverAt > after.deliverAt || (deliverAt === after.deliverAt && seq > after.seq);
      })
      .slice(0, limit);
  }

  async forgetIds(): Promise<void> {
    this.#database.reach();
    const now = this.#database.clock.now();
    for (const [key, expiresAt] of this.#database.ids)
      if (expiresAt <= now) this.#database.ids.delete(key);
  }

  #current({ node, epoch }: Incarnation): NodeRow | undefined {
    const row = this.#database.nodes.get(node);
    return row?.epoch === epoch ? row : undefined;
  }

  /** Those of `rows` that `node` is the home of then. A node that loses a queue so has lost its lease and is fenced. */
  #take(node: string, rows: readonly QueueRow[]): readonly QueueState[] {
    const now = this.#database.clock.now();
    const gone = new Set<NodeRow>();
    const taken = rows.filter((row) => {
      const home = row.home === undefined ? undefined : this.#database.nodes.get(row.home);
      if (row.home !== node && home !== undefined) {
        if (!gone.has(home) && home.leasedUntil > now) return false;
        if (!gone.has(home)) home.epoch += 1;
        gone.add(home);
      }
      row.home = node;
      return true;
    });
    return taken.map((row) => this.#state(row));
  }

  #state({ id, definition: { name, durable }, nextSeq, deliveredBelow }: QueueRow): QueueState {
    const lanes = this.#database.table(durable).state(id);
    return { id, name, nextSeq, deliveredBelow, lanes };
  }

  #duplicates(ids: readonly GivenId[]): ReadonlySet<number> {
    const now = this.#database.clock.now();
    const known = ids.keys().filter((index) => {
      const id = ids[index];
      return id !== undefined && (this.#database.ids.get(idKey(id)) ?? 0) > now;
    });
    return new Set(known);
  }

  /** What is left of `changes` without duplicates and without queues that are gone. */
  #storable(
    { idOf }: Flush,
    changes: MessageChanges,
    duplicates: ReadonlySet<number>,
  ): MessageChanges {
    const ids = new Set([...this.#database.queues.values()].map(({ id }) => id));
    return {
      inserted: changes.inserted
        .filter((message) => ids.has(message.queue))
        .filter((message) => !duplicates.has(idOf.get(message) ?? -1))
        .map(copied),
      deleted: changes.deleted.filter(({ queue }) => ids.has(queue)),
      changed: changes.changed.filter(({ queue }) => ids.has(queue)),
    };
  }

  #raise({ marks }: Flush, tables: readonly MessageChanges[]): void {
    const rows = new Map([...this.#database.queues.values()].map((row) => [row.id, row] as const));
    for (const { queue, seq } of marks) {
      const row = rows.get(queue);
      if (row) row.deliveredBelow = Math.max(row.deliveredBelow, seq);
    }
    const places = tables.flatMap(({ inserted, changed }) => [
      ...inserted.map(({ queue, seq }) => ({ queue, seq })),
      ...changed.map(({ queue, newSeq }) => ({ queue, seq: newSeq })),
    ]);
    for (const { queue, seq } of places) {
      const row = rows.get(queue);
      if (row) row.nextSeq = Math.max(row.nextSeq, seq + 1);
    }
  }
}

/** Bytes that the caller goes on using do not change what is stored. */
function copied(message: StoredMessage): StoredMessage {
  const { body } = message.event;
  if (typeof body === "string") return { ...message };
  return { ...message, event: { ...message.event, body: body.slice() } };
}

function idKey({ exchange, publisher, id }: GivenId): string {
  return JSON.stringify([exchange, publisher, id]);
}
