import { expect, test } from "bun:test";
import {
  type FlushOutcome,
  type Flush,
  type GivenId,
  type Incarnation,
  type Lane,
  type MessageChange,
  type DeliveryMark,
  type QueueDefinition,
  type QueueState,
  type QueueStore,
  type SeqRange,
  type StoredMessage,
  SwitchyardError,
  type TopologyStore,
} from "@switchyard/core";
import { toJsonText, trustJsonText } from "@switchyard/protocol";

/** Both stores of a broker on one database. */
export interface BrokerStores {
  readonly queues: QueueStore;
  readonly topology: TopologyStore;
}

/** Stores under test. Their database may hold what other tests have left: the contracts give everything names of its own. */
export interface BrokerStoreHarness extends BrokerStores {
  /** Other stores on the same database, as another node opens them. Closed by `close` as well. */
  reopen(): BrokerStores | Promise<BrokerStores>;
  /** Lets `ms` pass for leases and given ids: by the store's clock when that can be moved, else by moving what is stored. */
  elapse(ms: number): void | Promise<void>;
  /** Empties all that is unlogged, as PostgreSQL does when it starts after a crash. */
  wipeTransient(): void | Promise<void>;
  /** From now on the database cannot be reached by `queues` and `topology`. */
  cutOff(): void | Promise<void>;
  close(): void | Promise<void>;
}

export type MakeBrokerStoreHarness = () => BrokerStoreHarness | Promise<BrokerStoreHarness>;

export const leaseMs = 60_000;
const testTimeoutMs = 60_000;

/** A test with stores of its own. */
export function brokerStoreTest(
  makeHarness: MakeBrokerStoreHarness,
  name: string,
  run: (harness: BrokerStoreHarness) => Promise<void>,
): void {
  test(
    name,
    async () => {
      const harness = await makeHarness();
      try {
        await run(harness);
      } finally {
        await harness.close();
      }
    },
    testTimeoutMs,
  );
}

/** As `brokerStoreTest`, with a node that has begun its first incarnation. */
export function queueStoreTest(
  makeHarness: MakeBrokerStoreHarness,
  name: string,
  run: (scenario: QueueStoreScenario) => Promise<void>,
): void {
  brokerStoreTest(makeHarness, name, async (harness) => {
    await run(await QueueStoreScenario.begin(harness, uniqueName("node")));
  });
}

export function uniqueName(what: string): string {
  return `${what}-${crypto.randomUUID()}`;
}

export function queueDefinition(members: Partial<QueueDefinition> = {}): QueueDefinition {
  return {
    name: uniqueName("queue"),
    durable: true,
    exclusiveTo: undefined,
    autoDelete: false,
    expiresMs: undefined,
    ttlMs: undefined,
    maxLength: undefined,
    maxBytes: undefined,
    overflow: "drop-head",
    deadLetterExchange: undefined,
    deadLetterKey: undefined,
    maxAttempts: undefined,
    retry: undefined,
    singleActiveConsumer: false,
    ...members,
  };
}

/** The error that `operation` rejects with. Fails when it fulfils. */
export async function failureOf(operation: Promise<unknown>): Promise<unknown> {
  return await operation.then(
    (result) => {
      throw new Error(`it should have been refused, but gave ${JSON.stringify(result)}`);
    },
    (error: unknown) => error,
  );
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof SwitchyardError && error.kind === "storeUnavailable";
}

/** What cannot be stored: an error, but not one that asks for the same again. */
export async function expectRefused(operation: Promise<unknown>): Promise<void> {
  const error = await failureOf(operation);
  expect(error).toBeInstanceOf(Error);
  expect(isUnavailable(error)).toBe(false);
}

export const committed: FlushOutcome = {
  kind: "committed",
  duplicates: [],
  transientIntact: true,
};

/** A queue's message with a body of its own; in lane 9, where messages without priority wait. */
export function storedMessage(
  queue: QueueState,
  seq: number,
  members: Partial<Omit<StoredMessage, "event">> & {
    readonly event?: Partial<StoredMessage["event"]>;
  } = {},
): StoredMessage {
  const { event, ...others } = members;
  return {
    queue: queue.id,
    lane: 9,
    seq,
    priority: 0,
    attempts: 0,
    expiresAt: undefined,
    deliverAt: undefined,
    deaths: undefined,
    ...others,
    event: {
      id: `event-${seq}`,
      exchange: "orders",
      key: `order.${seq}`,
      headers: trustJsonText("{}"),
      body: toJsonText({ seq }),
      contentType: "application/json",
      publishedAt: 1_700_000_000_000 + seq,
      ...event,
    },
  };
}

export function storedMessages(queue: QueueState, from: number, to: number): StoredMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => storedMessage(queue, from + index));
}

/** A flush without regard for which table a queue is in: the scenario knows. */
export interface FlushParts {
  readonly inserted?: readonly StoredMessage[];
  readonly deleted?: readonly SeqRange[];
  readonly changed?: readonly MessageChange[];
  readonly marks?: readonly DeliveryMark[];
  readonly ids?: readonly GivenId[];
  readonly idOf?: ReadonlyMap<StoredMessage, number>;
}

/** A node's run against the store: numbers its flushes, and knows the queues that it declared. */
export class QueueStoreScenario {
  readonly harness: BrokerStoreHarness;
  readonly store: QueueStore;
  readonly incarnation: Incarnation;
  /** Of the takeover that began this run. */
  readonly queues: readonly QueueState[];
  readonly storeNow: number;
  readonly #transient: Set<number>;
  #number = 0;

  private constructor(
    harness: BrokerStoreHarness,
    store: QueueStore,
    transient: Set<number>,
    begun: Awaited<ReturnType<QueueStore["takeOver"]>>,
  ) {
    this.harness = harness;
    this.store = store;
    this.incarnation = begun.incarnation;
    this.queues = begun.queues;
    this.storeNow = begun.storeNow;
    this.#transient = transient;
  }

  static async begin(
    harness: BrokerStoreHarness,
    node: string,
    store = harness.queues,
  ): Promise<QueueStoreScenario> {
    return new QueueStoreScenario(harness, store, new Set(), await store.takeOver(node, leaseMs));
  }

  /** A later run of the same node. */
  async next(store = this.store): Promise<QueueStoreScenario> {
    return await this.another(this.incarnation.node, store);
  }

  /** A run of a node that knows the same queues. */
  async another(node = uniqueName("node"), store = this.store): Promise<QueueStoreScenario> {
    const begun = await store.takeOver(node, leaseMs);
    return new QueueStoreScenario(this.harness, store, this.#transient, begun);
  }

  /** Declares a queue without a home. */
  async declare(members: Partial<QueueDefinition> = {}): Promise<QueueDefinition> {
    const definition = queueDefinition(members);
    expect(await this.harness.topology.declareQueue(definition)).toMatchObject({
      kind: "declared",
    });
    return definition;
  }

  /** Declares a queue and makes this node its home. */
  async queue(members: Partial<QueueDefinition> = {}): Promise<QueueState> {
    const { name, durable } = await this.declare(members);
    const [state] = await this.store.takeHomes(this.incarnation, [name]);
    if (state === undefined) throw new Error("a new queue has no other home");
    if (!durable) this.#transient.add(state.id);
    return state;
  }

  /** What the takeover of this run said of `queue`. */
  stateOf(queue: QueueState): QueueState | undefined {
    return this.queues.find(({ name }) => name === queue.name);
  }

  /** The next flush; it has the same number until one is committed. */
  prepare(parts: FlushParts, number = this.#number + 1): Flush {
    const { inserted = [], deleted = [], changed = [] } = parts;
    const table = (transient: boolean): Flush["durable"] => {
      const here = ({ queue }: { readonly queue: number }): boolean =>
        this.#transient.has(queue) === transient;
      return {
        inserted: inserted.filter(here),
        deleted: deleted.filter(here),
        changed: changed.filter(here),
      };
    };
    return {
      incarnation: this.incarnation,
      number,
      after: number - 1,
      durable: table(false),
      transient: table(true),
      marks: parts.marks ?? [],
      ids: parts.ids ?? [],
      idOf: parts.idOf ?? new Map<StoredMessage, number>(),
    };
  }

  async send(flush: Flush): Promise<FlushOutcome> {
    const outcome = await this.store.flush(flush);
    if (outcome.kind === "committed") this.#number = Math.max(this.#number, flush.number);
    return outcome;
  }

  async flush(parts: FlushParts): Promise<FlushOutcome> {
    return await this.send(this.prepare(parts));
  }

  /** All messages of a lane, as the store has them. */
  async messages(queue: QueueState, lane: Lane = 9): Promise<readonly StoredMessage[]> {
    const durable = !this.#transient.has(queue.id);
    const bounds = { after: -1, limit: 100_000, maxBytes: 1e9 };
    return await this.store.load({ queue: queue.id, durable, lane, ...bounds });
  }

  async seqs(queue: QueueState, lane: Lane = 9): Promise<readonly number[]> {
    return (await this.messages(queue, lane)).map(({ seq }) => seq);
  }
}

/** Lanes in ascending order, for comparison. */
export function lanesOf(state: QueueState | undefined): QueueState["lanes"] | undefined {
  return state?.lanes.toSorted((left, right) => left.lane - right.lane);
}
