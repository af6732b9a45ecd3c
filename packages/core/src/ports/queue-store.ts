/** Who may write to a queue: one run of one node. A write under an epoch that is not the node's any more is refused. */
export interface Home {
  readonly node: string;
  readonly epoch: number;
}

export interface QueuedMessage {
  /** Order in the queue; given by the home alone, at intake, gap-free within an epoch. */
  readonly seq: bigint;
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly contentType: string;
  /** 0 to 9. */
  readonly priority: number;
  /** May have been delivered before. */
  readonly redelivered: boolean;
  /** Nacks, rejects, lease expiries and lost connections so far; restarts do not count. */
  readonly attempt: number;
  /** Unix milliseconds by the store's clock; undefined: at once, never. */
  readonly deliverAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly publishedAt: number;
}

/** What a home wants changed in one of its queues. */
export interface QueueChanges {
  readonly queue: string;
  readonly inserted: readonly QueuedMessage[];
  /** Acknowledged, expired, dropped or moved away. */
  readonly deleted: readonly bigint[];
  /** Settled but kept: another attempt, another time. */
  readonly changed: readonly {
    readonly seq: bigint;
    readonly attempt: number;
    readonly deliverAt: number | undefined;
  }[];
}

/**
 * One group of changes that commits whole or not at all. `flushId` names it in a ledger that gates all its rows: after
 * an unknown outcome the same flush is sent again, unchanged, as often as needed.
 */
export interface Flush {
  readonly flushId: string;
  readonly home: Home;
  readonly queues: readonly QueueChanges[];
  /** Ids given by callers, remembered per (exchange, publisher) for de-duplication. */
  readonly ids: readonly {
    readonly exchange: string;
    readonly publisher: string;
    readonly id: string;
  }[];
}

export type FlushOutcome =
  /** Committed by this call or by an earlier one with the same id. `duplicates`: members of `ids` that were known. */
  | { readonly kind: "committed"; readonly duplicates: readonly string[] }
  /** Another run of the node, or another node, has taken over: nothing was written and nothing ever will be. */
  | { readonly kind: "fenced" };

export interface QueueWindow {
  /** Ascending by `seq`. */
  readonly messages: readonly QueuedMessage[];
  /** False: there are more above the last one. */
  readonly complete: boolean;
}

/**
 * Messages of durable and transient queues. Never read from a replica. Rejects with
 * `internal` when the store cannot be reached; the outcome of a flush is then unknown and the same flush is to be sent
 * again. Flushes of one home commit in the order of the calls.
 */
export interface QueueStore {
  /** Makes this node the home of `queue` under a new epoch, and ends the former home's writes before it fulfils. */
  takeHome(queue: string, node: string): Promise<Home>;
  /** Extends the home's lease; false: lost. */
  renewHomes(home: Home): Promise<boolean>;
  flush(flush: Flush): Promise<FlushOutcome>;
  /** The next messages above `after`, ready ones and those whose time has come, `limit` at most. */
  loadWindow(queue: string, after: bigint, limit: number): Promise<QueueWindow>;
  /** O(1) for the store; approximate while a flush is under way. */
  depth(queue: string): Promise<{ readonly messages: number; readonly bytes: number }>;
}
