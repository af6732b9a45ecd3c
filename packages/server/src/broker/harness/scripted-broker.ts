import {
  type BindingDefinition,
  type BrokerCounters,
  type BrokerOperations,
  type BrowseResult,
  type Consumer,
  type ConsumeRequest,
  type Delivery,
  type DeliverySink,
  type ExchangeDefinition,
  type ExchangeDescription,
  type NewEvent,
  type PublishEventOutcome,
  type PulledDelivery,
  type QueueDefinition,
  type QueueDescription,
  type ReplayResult,
  type Settlement,
  type SettleOutcome,
  type SettleResult,
  SwitchyardError,
  type TopologyDocument,
  type TopologyImport,
} from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";

/** Does what a test tells it to, and keeps what it was asked for. It routes nothing. */
export class ScriptedBroker implements BrokerOperations {
  readonly published: { readonly event: NewEvent; readonly publisher: string }[] = [];
  readonly consumers: ScriptedConsumer[] = [];
  readonly declaredExchanges: ExchangeDefinition[] = [];
  readonly declaredQueues = new Map<string, QueueDefinition>();
  readonly bound: BindingDefinition[] = [];
  /** `delete a`, `purge a`, ... in order. */
  readonly done: string[] = [];
  /** What becomes of an event. Default: confirmed, routed to one queue. */
  outcome: (event: NewEvent) => PublishEventOutcome | Promise<PublishEventOutcome> = (event) => ({
    kind: "confirmed",
    id: event.id ?? `id-${this.published.length}`,
    routed: 1,
    duplicate: false,
  });
  /** Called within `consume`, before it returns. */
  onConsume: (consumer: ScriptedConsumer) => void = () => {};
  /** A declaration waits for it. */
  declared: Promise<unknown> = Promise.resolve();

  async publish(
    events: readonly NewEvent[],
    publisher: string,
  ): Promise<readonly PublishEventOutcome[]> {
    for (const event of events) this.published.push({ event, publisher });
    return Promise.all(events.map(async (event) => this.outcome(event)));
  }

  async declareExchange(exchange: ExchangeDefinition): Promise<boolean> {
    this.declaredExchanges.push(exchange);
    return true;
  }

  async deleteExchange(name: string, { ifUnused }: { readonly ifUnused: boolean }): Promise<void> {
    this.done.push(`delete exchange ${name}${ifUnused ? " if unused" : ""}`);
  }

  async declareQueue(queue: QueueDefinition): Promise<boolean> {
    await this.declared;
    const isNew = !this.declaredQueues.has(queue.name);
    this.declaredQueues.set(queue.name, queue);
    return isNew;
  }

  async deleteQueue(
    name: string,
    {
      ifEmpty,
      ifUnused,
      owner,
    }: { readonly ifEmpty: boolean; readonly ifUnused: boolean; readonly owner?: string },
  ): Promise<number> {
    const { exclusiveTo } = this.#definition(name);
    if (owner !== undefined && exclusiveTo !== owner) throw new SwitchyardError("notFound");
    this.declaredQueues.delete(name);
    this.done.push(`delete ${name}${ifEmpty ? " if empty" : ""}${ifUnused ? " if unused" : ""}`);
    return 3;
  }

  async purgeQueue(name: string): Promise<number> {
    this.done.push(`purge ${name}`);
    return 5;
  }

  async bind(binding: BindingDefinition): Promise<boolean> {
    this.bound.push(binding);
    return true;
  }

  async unbind({ exchange, destination }: BindingDefinition): Promise<void> {
    this.done.push(`unbind ${exchange} ${destination.name}`);
  }

  exchanges(): readonly ExchangeDescription[] {
    return this.declaredExchanges.map((exchange) => ({
      ...exchange,
      builtIn: false,
      published: 0,
      unroutable: 0,
    }));
  }

  queues(): readonly QueueDescription[] {
    return [...this.declaredQueues.keys()].map((name) => this.queue(name));
  }

  queue(name: string): QueueDescription {
    const counts = { published: 0, delivered: 0, redelivered: 0, acknowledged: 0 };
    return {
      ...this.#definition(name),
      builtIn: false,
      ready: 0,
      readyBytes: 0,
      unsettled: 0,
      delayed: 0,
      consumers: 0,
      oldestAgeMs: undefined,
      counts: { ...counts, dead: 0, expired: 0, dropped: 0 },
      rates: { published: 0, delivered: 0, acknowledged: 0 },
    };
  }

  bindings(): readonly BindingDefinition[] {
    return this.bound;
  }

  exportTopology(): TopologyDocument {
    return { exchanges: [], queues: [], bindings: [] };
  }

  async importTopology(): Promise<TopologyImport> {
    return { exchanges: 0, queues: 0, bindings: 0 };
  }

  async browse(): Promise<BrowseResult> {
    return { messages: [], cursor: undefined };
  }

  consume(request: ConsumeRequest, sink: DeliverySink): Consumer {
    this.#definition(request.queue);
    const consumer = new ScriptedConsumer(`c-${this.consumers.length + 1}`, request, sink);
    this.consumers.push(consumer);
    this.onConsume(consumer);
    return consumer;
  }

  async pull(): Promise<readonly PulledDelivery[]> {
    return [];
  }

  async settleReceipts(): Promise<readonly SettleOutcome[]> {
    return [];
  }

  async extendReceipts(): Promise<readonly SettleOutcome[]> {
    return [];
  }

  async replay(): Promise<ReplayResult> {
    return { replayed: 0, scheduled: 0, kept: 0 };
  }

  async discard(): Promise<number> {
    return 0;
  }

  counters(): BrokerCounters {
    const none = { published: 0, unroutable: 0, returned: 0, duplicates: 0, flushes: 0 };
    return { ...none, flushRetries: 0, pendingBytes: 0, wiped: 0 };
  }

  #definition(name: string): QueueDefinition {
    const queue = this.declaredQueues.get(name);
    if (queue) return queue;
    throw new SwitchyardError("notFound", { detail: `not found: queue "${name}"` });
  }
}

/** Delivers and settles what a test tells it to. */
export class ScriptedConsumer implements Consumer {
  readonly name: string;
  readonly request: ConsumeRequest;
  readonly sink: DeliverySink;
  readonly unsettled = new Set<number>();
  readonly settled: { readonly tags: readonly number[]; readonly settlement: Settlement }[] = [];
  /** `resume`, `cancel`, `close` in order. */
  readonly heard: string[] = [];
  committed: Promise<void> = Promise.resolve();
  #tag = 0;

  constructor(name: string, request: ConsumeRequest, sink: DeliverySink) {
    this.name = name;
    this.request = request;
    this.sink = sink;
  }

  /** In one call. `members` on top of those of a plain first delivery. */
  deliver(...deliveries: readonly Partial<Delivery>[]): void {
    this.sink.deliver(
      deliveries.map((members) => {
        this.#tag += 1;
        this.unsettled.add(this.#tag);
        return { ...plainDelivery, queue: this.request.queue, tag: this.#tag, ...members };
      }),
    );
  }

  settle(tags: readonly number[], settlement: Settlement): SettleResult {
    const known: number[] = [];
    const unknownTags: number[] = [];
    for (const tag of tags) (this.unsettled.delete(tag) ? known : unknownTags).push(tag);
    this.settled.push({ tags: known, settlement });
    return { unknownTags, committed: this.committed };
  }

  resume(): void {
    this.heard.push("resume");
  }

  cancel(): void {
    this.heard.push("cancel");
  }

  close(): void {
    this.heard.push("close");
  }
}

const plainDelivery: Omit<Delivery, "queue" | "tag"> = {
  id: "m",
  exchange: "orders",
  key: "k",
  headers: trustJsonText("{}"),
  body: trustJsonText("1"),
  contentType: "application/json",
  redelivered: false,
  attempt: 1,
  publishedAt: 1_700_000_000_000,
  priority: 0,
  deaths: undefined,
};
