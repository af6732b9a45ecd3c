/**
 * What publishers and consumers of a run saw, in their own words: what they sent, what they were answered, what they
 * were given. Times are milliseconds of one monotonic clock in one process.
 */
export interface History {
  readonly queues: readonly QueueTerms[];
  readonly publishes: readonly Publish[];
  readonly deliveries: readonly Delivery[];
  readonly settlements: readonly Settlement[];
  readonly deadLetters: readonly DeadLetter[];
  /** What the queues said of themselves when nothing came any more. */
  readonly depths: readonly QueueDepth[];
}

/** A queue that gets every event. */
export interface QueueTerms {
  readonly name: string;
  /** Also for what expires or is dropped from the head; without it that is gone. */
  readonly hasDeadLetterExchange: boolean;
  readonly maxAttempts: number | undefined;
  /** Of a queue with a maximum length; undefined: it has none. */
  readonly overflow: "drop-head" | "dead-letter" | undefined;
}

/** One numbered event. */
export interface Publish {
  readonly n: number;
  /** A stretch of one publisher without an unknown outcome before its end: what it sends is in order. */
  readonly session: string;
  /** Of the first attempt. */
  readonly sentAt: number;
  /** With a given id it is sent again when its outcome is unknown. */
  readonly hasGivenId: boolean;
  attempts: number;
  /** undefined: an error, or no answer. */
  confirmedAt: number | undefined;
  /** Queues, as the confirm said. */
  routed: number | undefined;
  /** The confirm said that its id was known. */
  wasDuplicate: boolean;
  readonly ttlMs: number | undefined;
  readonly delayMs: number | undefined;
}

export interface Delivery {
  /** undefined: not one of ours. */
  readonly n: number | undefined;
  readonly queue: string;
  readonly consumer: string;
  /** Of the server: counts its processes. */
  readonly incarnation: number;
  readonly at: number;
  readonly redelivered: boolean;
  readonly attempt: number;
  /** The body is what was published. */
  readonly isIntact: boolean;
}

export interface Settlement {
  readonly n: number;
  readonly queue: string;
  readonly kind: "ack" | "nack" | "reject";
  readonly incarnation: number;
  /** When it was answered that this is committed; undefined: never, so that it may have happened or not. */
  confirmedAt: number | undefined;
  /** By the drain at the end. */
  readonly isDrain: boolean;
}

export interface DeadLetter {
  readonly n: number | undefined;
  /** Where it died. */
  readonly queue: string;
  readonly reason: string;
}

export interface QueueDepth {
  readonly queue: string;
  readonly messages: number;
}
