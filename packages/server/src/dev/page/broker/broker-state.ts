/** What the HTTP API answers, as far as this page shows it. The default exchange is `amq.default`. */
export interface ExchangeState {
  readonly name: string;
  readonly type: string;
  readonly alternate_exchange?: string;
  readonly built_in: boolean;
  readonly published: number;
  readonly unroutable: number;
}

export interface QueueState {
  readonly name: string;
  readonly durable: boolean;
  readonly built_in: boolean;
  readonly exclusive: boolean;
  readonly auto_delete: boolean;
  readonly overflow: string;
  readonly ttl_ms?: number;
  readonly max_length?: number;
  readonly max_attempts?: number;
  readonly dead_letter_exchange?: string;
  readonly ready: number;
  readonly bytes: number;
  readonly unsettled: number;
  readonly delayed: number;
  readonly consumers: number;
  /** Missing: none is ready. */
  readonly oldest_age_ms?: number;
  readonly counts: QueueTotals;
}

/** Since the start of the server. */
export interface QueueTotals {
  readonly published: number;
  readonly delivered: number;
  readonly redelivered: number;
  readonly acknowledged: number;
  readonly dead: number;
  readonly expired: number;
  readonly dropped: number;
}

export interface BindingState {
  readonly exchange: string;
  readonly key: string;
  readonly match?: {
    readonly mode: "all" | "any";
    readonly headers: Readonly<Record<string, string | number | boolean>>;
  };
  readonly destination: { readonly type: "queue" | "channel" | "exchange"; readonly name: string };
}

export interface BrokerState {
  readonly exchanges: readonly ExchangeState[];
  readonly queues: readonly QueueState[];
  readonly bindings: readonly BindingState[];
}

export interface DeathState {
  readonly queue: string;
  readonly reason: string;
  /** Unix milliseconds. */
  readonly time: number;
  readonly count: number;
  readonly exchange: string;
  readonly key: string;
}

export interface MessageState {
  readonly seq: number;
  readonly state: "ready" | "unsettled" | "delayed";
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly b64body?: string;
  readonly content_type: string;
  readonly priority: number;
  readonly published_at: number;
  /** Latest first. */
  readonly deaths: readonly DeathState[];
  readonly attempts: number;
}

/** The queue of those dead letters that no dead-letter exchange takes. */
export const deadLetterQueue = "switchyard.dead-letters";
export const defaultExchange = "amq.default";

/** What a binding asks of an event: its key, or the headers. "" asks nothing. */
export function bindingText({ key, match }: BindingState): string {
  if (match === undefined) return key;
  const pairs = Object.entries(match.headers).map(([name, value]) => `${name}=${value}`);
  return `${match.mode}: ${pairs.join(", ")}`;
}
