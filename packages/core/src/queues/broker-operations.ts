import type { JsonText, Payload } from "@switchyard/protocol";
import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
  Topology,
} from "../ports/topology-store.ts";
import type { DeathRecord } from "./death-record.ts";

/**
 * What the broker does, whatever the transport of the request. Permissions are the caller's business. Rejects with
 * `SwitchyardError`: `notFound` for an exchange or queue that does not exist, `preconditionFailed` for a declaration
 * that differs (`detail` names what) and for `ifEmpty`/`ifUnused` that do not hold, `badRequest` with `field` for what
 * cannot be right, `storeUnavailable` when PostgreSQL is away, `tooManyRequests` when too much is in flight.
 */
export interface BrokerOperations {
  /**
   * Fulfils when every event's fate is known, in the order given; events of one call do not stand or fall together. An
   * event is in all its queues or in none.
   */
  publish(events: readonly NewEvent[], publisher: string): Promise<readonly PublishEventOutcome[]>;

  /** True: declared now; false: it was there, as described. */
  declareExchange(exchange: ExchangeDefinition): Promise<boolean>;
  deleteExchange(name: string, conditions: { readonly ifUnused: boolean }): Promise<void>;
  declareQueue(queue: QueueDefinition): Promise<boolean>;
  /** Returns the number of messages that went with it. `notFound`, also for one that is not exclusive to `owner`, when given. */
  deleteQueue(
    name: string,
    conditions: {
      readonly ifEmpty: boolean;
      readonly ifUnused: boolean;
      readonly owner?: string;
    },
  ): Promise<number>;
  /** Removes ready and delayed messages, not those that are with a consumer. Returns their number. */
  purgeQueue(name: string): Promise<number>;
  bind(binding: BindingDefinition): Promise<boolean>;
  /** `notFound` when there is no such binding. */
  unbind(binding: BindingDefinition): Promise<void>;

  exchanges(): readonly ExchangeDescription[];
  queues(): readonly QueueDescription[];
  /** `notFound`. */
  queue(name: string): QueueDescription;
  bindings(): readonly BindingDefinition[];
  exportTopology(): TopologyDocument;
  /** Additive: declares all that is missing. Changes nothing when something differs: `preconditionFailed`, naming all that does. */
  importTopology(topology: TopologyDocument): Promise<TopologyImport>;

  /** Ready messages and those with a consumer, without taking them; in the order of (lane, seq). */
  browse(queue: string, page: BrowsePage): Promise<BrowseResult>;

  /** Deliveries are pushed into `sink` until `cancel`, or the queue's end. `resourceLocked` when it belongs to another connection. */
  consume(request: ConsumeRequest, sink: DeliverySink): Consumer;
  /** Waits up to `waitMs` for the first message. Each delivery has a lease: without a word in time it is ready again. */
  pull(queue: string, request: PullRequest): Promise<readonly PulledDelivery[]>;
  /** Of deliveries pulled from `queue`; others are unknown. Fulfils after commit, an outcome per receipt. */
  settleReceipts(
    queue: string,
    receipts: readonly string[],
    settlement: Settlement,
  ): Promise<readonly SettleOutcome[]>;
  /** Returns an outcome per receipt. */
  extendReceipts(
    queue: string,
    receipts: readonly string[],
    leaseMs: number,
  ): Promise<readonly SettleOutcome[]>;

  /** Publishes dead letters that lie in `queue` again into the queue where each died last, with their attempts at 0. */
  replay(queue: string, selection: DeadLetterSelection): Promise<ReplayResult>;
  /** Returns the number of discarded ones. */
  discard(queue: string, selection: DeadLetterSelection): Promise<number>;

  counters(): BrokerCounters;
}

export interface NewEvent {
  /** "" is the default exchange. */
  readonly exchange: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly body: Payload;
  /** undefined: by the kind of body. */
  readonly contentType: string | undefined;
  /** Remembered for a while per (exchange, publisher): published once. undefined: generated, not remembered. */
  readonly id: string | undefined;
  /** An event that no queue and no channel takes is returned to its publisher. */
  readonly mandatory: boolean;
  /** Time until it enters its queues. Unix milliseconds (`deliverAt`) or from now. Not both. */
  readonly delayMs: number | undefined;
  readonly deliverAt: number | undefined;
  /** 0 to 9. */
  readonly priority: number;
  readonly ttlMs: number | undefined;
}

export type PublishEventOutcome =
  | {
      readonly kind: "confirmed";
      readonly id: string;
      /** Queues and channels that got it. */
      readonly routed: number;
      /** Its id was known: it had been confirmed before. */
      readonly duplicate: boolean;
    }
  /** `mandatory`, and nothing took it. */
  | { readonly kind: "returned"; readonly id: string }
  /** `rejected`: a full queue rejects (named), `notFound`: no such exchange, `storeUnavailable`: outcome unknown, ... */
  | { readonly kind: "failed"; readonly id: string | undefined; readonly error: Error };

export interface ExchangeDescription extends ExchangeDefinition {
  /** Predeclared: cannot be deleted. */
  readonly builtIn: boolean;
  /** Events since the start of this node. */
  readonly published: number;
  readonly unroutable: number;
}

export interface QueueDescription extends QueueDefinition {
  readonly builtIn: boolean;
  /** Messages that wait for a consumer. */
  readonly ready: number;
  readonly readyBytes: number;
  /** With a consumer. */
  readonly unsettled: number;
  /** Until their time. */
  readonly delayed: number;
  readonly consumers: number;
  /** Milliseconds since the oldest ready message was published; undefined: none is ready. */
  readonly oldestAgeMs: number | undefined;
  /** Since the start of this node. */
  readonly counts: QueueCounts;
  readonly rates: QueueRates;
}

/** Messages per second over the last seconds. */
export interface QueueRates {
  readonly published: number;
  readonly delivered: number;
  readonly acknowledged: number;
}

export interface QueueCounts {
  readonly published: number;
  readonly delivered: number;
  readonly redelivered: number;
  readonly acknowledged: number;
  /** Dead-lettered: `rejected`, `attempts`, `expired`, `maxlen`. */
  readonly dead: number;
  readonly expired: number;
  readonly dropped: number;
}

export interface BrokerCounters {
  readonly published: number;
  readonly unroutable: number;
  readonly returned: number;
  readonly duplicates: number;
  readonly flushes: number;
  readonly flushRetries: number;
  readonly pendingBytes: number;
  /** Transient messages lost with a crash of PostgreSQL. */
  readonly wiped: number;
}

/** Without built-in, exclusive and internal things. */
export type TopologyDocument = Omit<Topology, "version">;

export interface TopologyImport {
  readonly exchanges: number;
  readonly queues: number;
  readonly bindings: number;
}

export interface BrowsePage {
  readonly limit: number;
  /** Of the former page. */
  readonly cursor: string | undefined;
}

export interface BrowseResult {
  readonly messages: readonly BrowsedMessage[];
  /** undefined: that was all. */
  readonly cursor: string | undefined;
}

export interface BrowsedMessage {
  /** Names the message within its queue; changes when it is delayed. */
  readonly seq: number;
  readonly state: "ready" | "unsettled" | "delayed";
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: JsonText;
  readonly body: Payload;
  readonly contentType: string;
  readonly priority: number;
  readonly attempts: number;
  readonly publishedAt: number;
  readonly expiresAt: number | undefined;
  readonly deliverAt: number | undefined;
  readonly deaths: readonly DeathRecord[];
}

export interface ConsumeRequest {
  readonly queue: string;
  /** Unsettled deliveries at most: 1 to 5,000. */
  readonly prefetch: number;
  /** Of the connection, for exclusive queues. */
  readonly connection: string;
}

/** Where a consumer's deliveries go. Called synchronously, in order. */
export interface DeliverySink {
  /** One or more at a time. */
  deliver(deliveries: readonly Delivery[]): void;
  /** False: the client is behind; nothing is delivered until `Consumer.resume`. */
  hasRoom(): boolean;
  /** The queue is gone, or its transient messages were lost: `reason` for the client. `ended`: no more deliveries. */
  cancelled(reason: string): void;
}

export interface Delivery {
  readonly queue: string;
  /** Counts up from 1 in a consumer. */
  readonly tag: number;
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: JsonText;
  readonly body: Payload;
  readonly contentType: string;
  /** May have been delivered before. */
  readonly redelivered: boolean;
  /** 1 is the first. */
  readonly attempt: number;
  readonly publishedAt: number;
  readonly priority: number;
  readonly deaths: JsonText | undefined;
}

export type Settlement =
  | { readonly type: "ack" }
  /** Back into the queue: after `delayMs`, else by the queue's retry policy, else at once in its old place. `requeue: false` as reject. */
  | { readonly type: "nack"; readonly requeue: boolean; readonly delayMs: number | undefined }
  /** A dead letter. */
  | { readonly type: "reject" };

export type SettleOutcome = "settled" | "unknown";

export interface Consumer {
  readonly name: string;
  /** Unknown or repeated tags settle nothing, and are returned by it. The promise fulfils after commit. */
  settle(tags: readonly number[], settlement: Settlement): SettleResult;
  /** The sink has room again. */
  resume(): void;
  /** No more deliveries. Unsettled ones stay with the consumer, until `close`. */
  cancel(): void;
  /** Gives its unsettled messages back at once, in their old place. Idempotent. */
  close(): void;
}

export interface SettleResult {
  readonly unknownTags: readonly number[];
  readonly committed: Promise<void>;
}

export interface PullRequest {
  /** 1 to 1,000. */
  readonly max: number;
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
}

/** `tag` is 0: a receipt names it. */
export interface PulledDelivery extends Delivery {
  /** queue + seq + claim token; opaque. */
  readonly receipt: string;
}

export interface DeadLetterSelection {
  /** By `BrowsedMessage.seq`; undefined: all. */
  readonly seqs: readonly number[] | undefined;
  /** At most this many. */
  readonly limit: number | undefined;
  /** Per second; undefined: as fast as can be. With it the work goes on after the answer. */
  readonly ratePerSecond: number | undefined;
}

export interface ReplayResult {
  /** Replayed by now. */
  readonly replayed: number;
  /** Still to come, at the rate. */
  readonly scheduled: number;
  /** Their queue is gone or full, or they are no dead letters. They stay. */
  readonly kept: number;
}
