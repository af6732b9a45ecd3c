/** How an exchange chooses among its bindings: the name of a registered type. */
export type ExchangeType = string;

export interface ExchangeDefinition {
  readonly name: string;
  readonly type: ExchangeType;
  /** Takes what no binding matches. */
  readonly alternateExchange: string | undefined;
}

export type OverflowPolicy = "drop-head" | "reject-publish" | "dead-letter";

/** Exponential: `initialMs`, doubled with each attempt up to `maximumMs`, each time changed by up to ± `jitter` (0 to 1) of itself. */
export interface RetryPolicy {
  readonly initialMs: number;
  readonly maximumMs: number;
  readonly jitter: number;
}

/** Units are in the names; undefined: unbounded or never. */
export interface QueueDefinition {
  readonly name: string;
  /** false: transient. Its messages survive a planned restart, not a crash of PostgreSQL. */
  readonly durable: boolean;
  /** The connection that it belongs to and ends with; undefined: anybody's. */
  readonly exclusiveTo: string | undefined;
  /** Deleted when its last consumer has gone. */
  readonly autoDelete: boolean;
  /** Deleted after this long without a consumer, a pull or a declaration. */
  readonly expiresMs: number | undefined;
  readonly ttlMs: number | undefined;
  /** Ready messages; those that are with a consumer or delayed do not count. */
  readonly maxLength: number | undefined;
  /** Of ready messages' bodies. */
  readonly maxBytes: number | undefined;
  readonly overflow: OverflowPolicy;
  /** undefined: the queue `switchyard.dead-letters` for what was rejected or ran out of attempts; what expired or was dropped is gone. */
  readonly deadLetterExchange: string | undefined;
  /** undefined: the event's own key. */
  readonly deadLetterKey: string | undefined;
  /** Deliveries that may fail before the message is a dead letter. */
  readonly maxAttempts: number | undefined;
  /** undefined: a message that is nacked is back at once, in its old place. */
  readonly retry: RetryPolicy | undefined;
  readonly singleActiveConsumer: boolean;
}

export type BindingDestination =
  | { readonly type: "queue"; readonly name: string }
  /** A channel's name with `{key.1}`, `{key}` and `{headers.x}` to be filled in. */
  | { readonly type: "channel"; readonly name: string }
  | { readonly type: "exchange"; readonly name: string };

/** `all` or `any` of these headers have these values. */
export interface HeaderMatch {
  readonly mode: "all" | "any";
  readonly headers: Readonly<Record<string, string | number | boolean>>;
}

/** What makes two bindings the same: exchange, destination, key and match. */
export interface BindingDefinition {
  readonly exchange: string;
  readonly key: string;
  /** For `headers` exchanges. */
  readonly match: HeaderMatch | undefined;
  readonly destination: BindingDestination;
  /** Channel destinations: at least once (default), or lowest latency and at most once. */
  readonly durable: boolean;
}

export interface Topology {
  /** Grows with every change, over the whole cluster. */
  readonly version: number;
  readonly exchanges: readonly ExchangeDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly bindings: readonly BindingDefinition[];
}

export type TopologyChange =
  | { readonly type: "exchangeDeclared"; readonly exchange: ExchangeDefinition }
  | { readonly type: "exchangeDeleted"; readonly name: string }
  | { readonly type: "queueDeclared"; readonly queue: QueueDefinition }
  | { readonly type: "queueDeleted"; readonly name: string }
  | { readonly type: "bound" | "unbound"; readonly binding: BindingDefinition };

/**
 * `mismatch`: it exists with other properties (AMQP 0-9-1: precondition failed). `members` are the names of those that
 * differ, as in the definition.
 */
export type DeclareOutcome =
  | { readonly kind: "declared" | "unchanged"; readonly version: number }
  | { readonly kind: "mismatch"; readonly members: readonly string[] };

/** `missing`: the exchange or the destination does not exist. */
export type BindOutcome =
  | { readonly kind: "bound" | "unchanged"; readonly version: number }
  | { readonly kind: "missing"; readonly what: "exchange" | "queue"; readonly name: string };

/**
 * Exchanges, queues and bindings of the whole cluster. Small: read whole at the start and kept in memory. Rejects with
 * `storeUnavailable` when the store cannot be reached: the outcome is then unknown, and everything may be repeated.
 */
export interface TopologyStore {
  load(): Promise<Topology>;
  /** All changes above `version`, in order. For a node that missed an announcement. */
  changesSince(
    version: number,
  ): Promise<readonly (TopologyChange & { readonly version: number })[]>;
  /** Idempotent. Atomic; concurrent declarations of one name agree on one definition. */
  declareExchange(exchange: ExchangeDefinition): Promise<DeclareOutcome>;
  declareQueue(queue: QueueDefinition): Promise<DeclareOutcome>;
  /** Removes its bindings too, both ends. Returns the version; undefined: there was none. */
  deleteExchange(name: string): Promise<number | undefined>;
  /** Removes its messages and bindings too. Returns the version; undefined: there was none. */
  deleteQueue(name: string): Promise<number | undefined>;
  /** Idempotent. */
  bind(binding: BindingDefinition): Promise<BindOutcome>;
  /** Returns the version; undefined: there was none. */
  unbind(binding: BindingDefinition): Promise<number | undefined>;
}
