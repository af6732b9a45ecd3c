import type { JsonText, Payload } from "@switchyard/protocol";

/** One run of one node: what may write to the store. A later run under the same name has a higher epoch. */
export interface Incarnation {
  readonly node: string;
  readonly epoch: number;
}

/** What a producer published, as all queues hold it. */
export interface Event {
  /** Given by the caller, or generated. */
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  /** A JSON object of strings, numbers and booleans. */
  readonly headers: JsonText;
  readonly body: Payload;
  /** Of the body; "application/json" for JsonText. */
  readonly contentType: string;
  /** Unix milliseconds by the store's clock. */
  readonly publishedAt: number;
}

/**
 * Where a message waits. 0 to 9: in a queue's order, 9 minus the priority, so that (lane, seq) is the order of delivery;
 * `delayedLane`: until its time.
 */
export type Lane = number;
export const delayedLane: Lane = 10;

/** An event in a queue. */
export interface StoredMessage {
  /** `QueueState.id`. */
  readonly queue: number;
  readonly lane: Lane;
  /** Order in the queue; given by the queue's home alone, never used twice. */
  readonly seq: number;
  readonly event: Event;
  /** 0 to 9. */
  readonly priority: number;
  /** Nacks, rejects, lease expiries and lost connections so far; restarts do not count. */
  readonly attempts: number;
  /** Unix milliseconds by the store's clock; undefined: never. */
  readonly expiresAt: number | undefined;
  /** For `delayedLane` only. */
  readonly deliverAt: number | undefined;
  /** A JSON array of `DeathRecord`, latest first; undefined: none. */
  readonly deaths: JsonText | undefined;
}

/** Messages of one lane, both ends included. */
export interface SeqRange {
  readonly queue: number;
  readonly lane: Lane;
  readonly from: number;
  readonly to: number;
}

/** A message that stays in its queue, but as something else. A new place has a new `seq`. */
export interface MessageChange {
  readonly queue: number;
  readonly lane: Lane;
  readonly seq: number;
  readonly newLane: Lane;
  readonly newSeq: number;
  readonly attempts: number;
  readonly deliverAt: number | undefined;
}

/** A queue that may have delivered everything below `seq`: what a later incarnation flags as redelivered. */
export interface DeliveryMark {
  readonly queue: number;
  readonly seq: number;
}

/** A durable queue's messages are in a logged table, a transient one's in an unlogged one. */
export interface MessageChanges {
  readonly inserted: readonly StoredMessage[];
  /** Acknowledged, expired, dropped or moved away. Ranges hold no message that is to stay. */
  readonly deleted: readonly SeqRange[];
  readonly changed: readonly MessageChange[];
}

/** An id that its publisher chose, remembered until `expiresAt` (Unix milliseconds by the store's clock). */
export interface GivenId {
  readonly exchange: string;
  readonly publisher: string;
  readonly id: string;
  readonly expiresAt: number;
}

/**
 * One group of changes, which commits whole or not at all, and only right after the flush `after` of the same incarnation.
 * The store keeps the number of the last one, in the same transaction, so that after an unknown outcome the same flush is
 * sent again, unchanged, as often as needed, and takes effect once (also when the first copy was stuck somewhere and runs
 * late). Numbers only rise, and none is given to two flushes; one that was refused is never the last.
 */
export interface Flush {
  readonly incarnation: Incarnation;
  /** From 1. */
  readonly number: number;
  /** Number of the flush that must have been the last one; 0: this is the first. */
  readonly after: number;
  readonly durable: MessageChanges;
  readonly transient: MessageChanges;
  readonly marks: readonly DeliveryMark[];
  /** No two alike. */
  readonly ids: readonly GivenId[];
  /**
   * Messages that belong to a given id, as indices into `ids` by (queue, seq): inserted only when the id was new. What is
   * not in here is inserted always.
   */
  readonly idOf: ReadonlyMap<StoredMessage, number>;
}

export type FlushOutcome =
  | {
      /** By this call or by an earlier one with the same number. */
      readonly kind: "committed";
      /** Indices into `ids` of those that were known already: their messages are not stored. */
      readonly duplicates: readonly number[];
      /** False: PostgreSQL has emptied the unlogged table since this incarnation began or last saw this; what was in it before this flush is lost. */
      readonly transientIntact: boolean;
    }
  /** The flush `after` is not the last one, and this one was not committed before: nothing was written. */
  | { readonly kind: "early" }
  /** A later incarnation has begun: nothing was written and nothing ever will be. */
  | { readonly kind: "fenced" };

/** A queue as its new home finds it. */
export interface QueueState {
  readonly id: number;
  readonly name: string;
  /** Above every seq that the queue has had. */
  readonly nextSeq: number;
  /** Messages below may have been delivered by an earlier home. */
  readonly deliveredBelow: number;
  /** Per lane that is not empty. */
  readonly lanes: readonly {
    readonly lane: Lane;
    readonly messages: number;
    readonly bytes: number;
  }[];
}

export interface Takeover {
  readonly incarnation: Incarnation;
  /** Unix milliseconds: the store's clock at the answer. */
  readonly storeNow: number;
  /** Queues that this node is the home of now. */
  readonly queues: readonly QueueState[];
}

/**
 * Messages of durable and transient queues. Never read from a replica. Every method rejects with `storeUnavailable` when
 * the store cannot be reached or does not answer in time, and with another error for what cannot be stored (such a
 * flush has had no effect).
 */
export interface QueueStore {
  /**
   * Begins a new incarnation of `node`: ends the former one's statements and refuses its flushes from now on, and makes
   * this node the home of every queue whose home has no lease (a node's own queues, new ones, those of nodes that are
   * gone for `leaseMs`).
   */
  takeOver(node: string, leaseMs: number): Promise<Takeover>;
  /** Makes this node the home of these queues, by name, when they have no home with a lease: right after a declaration. */
  takeHomes(incarnation: Incarnation, names: readonly string[]): Promise<readonly QueueState[]>;
  /** Extends the lease to `leaseMs` from now. Returns the store's clock; undefined: a later incarnation has begun. */
  renew(incarnation: Incarnation, leaseMs: number): Promise<number | undefined>;
  /**
   * One statement, fsync before it fulfils. The next ones may be sent before its outcome is known: they are tried in the
   * order of the calls, and are `early` when the one before has had no effect.
   */
  flush(flush: Flush): Promise<FlushOutcome>;
  /** Messages of one lane with a seq above `after`, ascending, `limit` and (but for the first) `maxBytes` of bodies at most. */
  load(window: WindowQuery): Promise<readonly StoredMessage[]>;
  /** Messages of `delayedLane` in the order of (deliverAt, seq), above `after`. */
  loadDelayed(window: DelayedQuery): Promise<readonly StoredMessage[]>;
  /** Forgets given ids that are past their time. Called now and then. */
  forgetIds(): Promise<void>;
}

export interface WindowQuery {
  readonly queue: number;
  readonly durable: boolean;
  readonly lane: Lane;
  readonly after: number;
  readonly limit: number;
  readonly maxBytes: number;
}

export interface DelayedQuery {
  readonly queue: number;
  readonly durable: boolean;
  readonly after: { readonly deliverAt: number; readonly seq: number } | undefined;
  readonly limit: number;
}
