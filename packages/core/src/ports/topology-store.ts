/** How an exchange chooses among its bindings. A type that is registered later is one more name. */
export type ExchangeType = "fanout" | "direct" | "topic" | "headers";

export interface ExchangeDefinition {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  /** Takes what no binding matches. */
  readonly alternateExchange: string | undefined;
}

/** Units are in the names; undefined: unbounded or never. */
export interface QueueDefinition {
  readonly name: string;
  readonly durable: boolean;
  readonly ttlMs: number | undefined;
  readonly expiresMs: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxBytes: number | undefined;
  readonly overflow: "drop-head" | "reject-publish" | "dead-letter";
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterKey: string | undefined;
  readonly maxAttempts: number | undefined;
  readonly retry:
    | { readonly initialMs: number; readonly maximumMs: number; readonly jitter: number }
    | undefined;
  readonly singleActiveConsumer: boolean;
  readonly autoDelete: boolean;
}

export type BindingDestination =
  | { readonly type: "queue"; readonly name: string }
  /** A channel's name with `{key.1}` and `{headers.x}` to be filled in. */
  | { readonly type: "channel"; readonly template: string }
  | { readonly type: "exchange"; readonly name: string };

export interface BindingDefinition {
  readonly exchange: string;
  readonly key: string;
  /** For `headers` exchanges. */
  readonly match:
    | { readonly mode: "all" | "any"; readonly headers: Readonly<Record<string, string>> }
    | undefined;
  readonly destination: BindingDestination;
  /** Channel destinations: at least once (default), or lowest latency and at most once. */
  readonly durable: boolean;
}

export interface Topology {
  /** Grows by one with every change, over the whole cluster. */
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

/** A declaration that exists with other properties is refused, naming what differs (AMQP 0-9-1: precondition failed). */
export type DeclareOutcome =
  | { readonly kind: "declared" | "unchanged"; readonly version: number }
  | { readonly kind: "mismatch"; readonly members: readonly string[] };

/** Exchanges, queues and bindings of the whole cluster. Small: read whole at the start and kept in memory. */
export interface TopologyStore {
  load(): Promise<Topology>;
  /** All changes above `version`, in order. For a node that missed an announcement. */
  changesSince(
    version: number,
  ): Promise<readonly (TopologyChange & { readonly version: number })[]>;
  /** Idempotent. Atomic; concurrent declarations of one name agree on one definition. */
  declareExchange(exchange: ExchangeDefinition): Promise<DeclareOutcome>;
  declareQueue(queue: QueueDefinition): Promise<DeclareOutcome>;
  /** Removes its bindings too. False: there was none. */
  deleteExchange(name: string): Promise<boolean>;
  /** Removes its messages and bindings too. False: there was none. */
  deleteQueue(name: string): Promise<boolean>;
  /** Idempotent. Rejects with `badRequest` when exchange or destination do not exist. */
  bind(binding: BindingDefinition): Promise<void>;
  unbind(binding: BindingDefinition): Promise<boolean>;
}
