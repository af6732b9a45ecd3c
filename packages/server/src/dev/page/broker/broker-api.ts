import type {
  BindingState,
  BrokerState,
  ExchangeState,
  MessageState,
  QueueState,
} from "./broker-state.ts";

/** `denied`: this page may not. `refused`: the server says no to this request. `unreachable`: there is no answer. */
export type ProblemKind = "denied" | "refused" | "unreachable";

/** A request that did not do what it should. The message can be shown. */
export class BrokerProblem extends Error {
  override readonly name = "BrokerProblem";
  readonly kind: ProblemKind;
  /** The member of the request that is wrong. */
  readonly field: string | undefined;

  constructor(kind: ProblemKind, message: string, field?: string) {
    super(message);
    this.kind = kind;
    this.field = field;
  }
}

/** Exchanges, queues and bindings. Throws `BrokerProblem`. */
export async function readBroker(signal: AbortSignal): Promise<BrokerState> {
  const [{ exchanges }, { queues }, { bindings }] = await Promise.all([
    ask<{ readonly exchanges: readonly ExchangeState[] }>("GET", "exchanges", undefined, signal),
    ask<{ readonly queues: readonly QueueState[] }>("GET", "queues", undefined, signal),
    ask<{ readonly bindings: readonly BindingState[] }>("GET", "bindings", undefined, signal),
  ]);
  return { exchanges, queues, bindings };
}

export interface MessagePage {
  readonly messages: readonly MessageState[];
  /** There: these were not all. */
  readonly cursor?: string;
}

/** A page of the API may be short: it has messages of one priority, and not too many bytes. */
const mostPages = 20;

/** The first `limit` messages of a queue; fewer when that is all. */
export async function readMessages(queue: string, limit: number): Promise<MessagePage> {
  const messages: MessageState[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < mostPages && messages.length < limit; pages += 1) {
    const query = new URLSearchParams({ limit: String(limit - messages.length) });
    if (cursor !== undefined) query.set("cursor", cursor);
    const path = `queues/${encodeURIComponent(queue)}/messages?${query}`;
    const page = await ask<MessagePage>("GET", path);
    messages.push(...page.messages);
    cursor = page.cursor;
    if (cursor === undefined) return { messages };
  }
  return { messages, ...(cursor !== undefined && { cursor }) };
}

/** `seqs` undefined: all. */
export interface Selection {
  readonly seqs: readonly number[] | undefined;
  readonly ratePerSecond: number | undefined;
}

export interface Replayed {
  readonly replayed: number;
  readonly scheduled: number;
  readonly kept: number;
}

export function replay(queue: string, { seqs, ratePerSecond }: Selection): Promise<Replayed> {
  const body = { seqs, rate_per_second: ratePerSecond };
  return ask("POST", `queues/${encodeURIComponent(queue)}/replay`, body);
}

export async function discard(queue: string, seqs: readonly number[] | undefined): Promise<number> {
  const path = `queues/${encodeURIComponent(queue)}/discard`;
  return (await ask<{ readonly discarded: number }>("POST", path, { seqs })).discarded;
}

export interface OwnEvent {
  readonly key: string;
  readonly headers: unknown;
  readonly body: unknown;
}

/** Returns the event's id, and how many queues and channels got it. */
export function publish(
  exchange: string,
  event: OwnEvent,
): Promise<{ readonly id: string; readonly routed: number }> {
  return ask("POST", `exchanges/${encodeURIComponent(exchange)}/publish`, event);
}

export async function declareExchange(name: string, type: string): Promise<void> {
  await ask("PUT", `exchanges/${encodeURIComponent(name)}`, { type });
}

export interface QueueLimits {
  readonly max_length?: number | undefined;
  readonly overflow?: string | undefined;
  readonly max_attempts?: number | undefined;
}

export async function declareQueue(name: string, limits: QueueLimits = {}): Promise<void> {
  await ask("PUT", `queues/${encodeURIComponent(name)}`, limits);
}

export async function bind(binding: BindingState): Promise<void> {
  await ask("POST", "bindings", binding);
}

/** The server answers what the caller says: both come from one repository, and the page shows every value as text. */
async function ask<Answer>(
  verb: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const init: RequestInit = { method: verb, cache: "no-store", signal: signal ?? null };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  let status: number;
  let text: string;
  try {
    const response = await fetch(`/dev/v1/${path}`, init);
    status = response.status;
    text = await response.text();
  } catch (error) {
    if (signal?.reason instanceof DOMException && signal.reason.name === "TimeoutError")
      throw new BrokerProblem("unreachable", "the server takes long to answer");
    if (signal?.aborted === true) throw error;
    throw new BrokerProblem("unreachable", "the server does not answer");
  }
  const answer = parse(text);
  if (status < 300) return answer as Answer;
  const { message, field } = answer as { readonly message?: string; readonly field?: string };
  throw new BrokerProblem(
    status === 401 || status === 403 ? "denied" : "refused",
    message ?? `the server answers with status ${status}`,
    field,
  );
}

/** Anything but JSON was not written by the API. */
function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Of any error, in words that can be shown. */
export function problemText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
