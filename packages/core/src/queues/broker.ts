import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Incarnation, QueueStore } from "../ports/queue-store.ts";
import type { Random } from "../ports/random.ts";
import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
  TopologyStore,
} from "../ports/topology-store.ts";
import { isBuiltInExchange } from "../routing/built-in-exchanges.ts";
import { RoutingTable } from "../routing/routing-table.ts";
import type { Batch, BatchOutcome } from "./batch.ts";
import type {
  BrokerCounters,
  BrokerOperations,
  BrowsePage,
  BrowseResult,
  Consumer,
  ConsumeRequest,
  DeadLetterSelection,
  DeliverySink,
  ExchangeDescription,
  NewEvent,
  PublishEventOutcome,
  PulledDelivery,
  PullRequest,
  QueueDescription,
  ReplayResult,
  Settlement,
  SettleOutcome,
  TopologyDocument,
  TopologyImport,
} from "./broker-operations.ts";
import { backOff } from "./back-off.ts";
import { Browser } from "./browser.ts";
import { builtInQueues, channelQueue, isBuiltInQueue } from "./built-in-queues.ts";
import { ChannelForwarder, forwarderPrefetch, type PublishToChannel } from "./channel-forwarder.ts";
import { DeadLetterReplay } from "./dead-letter-replay.ts";
import { DeadLetters } from "./dead-letters.ts";
import { GroupCommit } from "./group-commit.ts";
import { Intake } from "./intake.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { QueueHome } from "./queue-home.ts";
import { RateMeter } from "./queue-rates.ts";
import type { QueueServices } from "./queue-services.ts";
import { StoreClock } from "./store-clock.ts";
import { TopologyKeeper } from "./topology-keeper.ts";

export interface BrokerOptions {
  readonly store: QueueStore;
  readonly topology: TopologyStore;
  readonly publishToChannel: PublishToChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The stable name of this node. */
  readonly node: string;
  /** A node that has not renewed for this long is not the home of its queues any more. Default 10,000. */
  readonly leaseMs?: number;
  /** How long a publisher waits for its confirm. Default 10,000. */
  readonly confirmTimeoutMs?: number;
  /** How long an id given by a publisher is remembered. Default 120,000. */
  readonly idWindowMs?: number;
  /** Of events that are not committed yet. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /** Ready messages of one queue and priority that are in memory. Default 5,000. */
  readonly windowMessages?: number;
  /** Values that stand in a channel's name as they are. */
  readonly channelValue?: RegExp | undefined;
  /** For tests of the checker alone. Default: none. */
  readonly plantedBug?: PlantedBug | undefined;
}

const forgetIdsEveryMs = 30_000;

/**
 * Exchanges, queues and bindings on this node: routes events, is the home of queues, and keeps its lease. Everything that
 * must last goes through one group commit.
 */
export class Broker implements BrokerOperations {
  readonly name = "broker";
  readonly #options: Required<Omit<BrokerOptions, "channelValue" | "plantedBug">>;
  readonly #routing: RoutingTable;
  readonly #commit: GroupCommit;
  readonly #services: QueueServices;
  readonly #intake: Intake;
  readonly #topology: TopologyKeeper;
  readonly #forwarder: ChannelForwarder;
  readonly #browser: Browser;
  readonly #replay: DeadLetterReplay;
  readonly #rates: RateMeter;
  readonly #homes = new Map<string, QueueHome>();
  #incarnation: Incarnation | undefined;
  /** Monotonic: until then no other node is the home of this one's queues. */
  #leaseUntil = Number.NEGATIVE_INFINITY;
  #renewTimer: Timer | undefined;
  #forgetTimer: Timer | undefined;
  #rateTimer: Timer | undefined;
  #stopped = false;
  #draining = false;
  #consumerCount = 0;
  #wiped = 0;

  constructor(options: BrokerOptions) {
    this.#options = {
      leaseMs: 10_000,
      confirmTimeoutMs: 10_000,
      idWindowMs: 120_000,
      maxPendingBytes: 64 * 1024 * 1024,
      windowMessages: 5_000,
      ...options,
    };
    const { store, clock, random, log, publishToChannel } = this.#options;
    const { plantedBug } = options;
    this.#routing = new RoutingTable({ channelValue: options.channelValue });
    const storeClock = new StoreClock(clock);
    this.#rates = new RateMeter(clock);
    this.#commit = new GroupCommit({
      store,
      clock,
      random,
      log,
      confirmTimeoutMs: this.#options.confirmTimeoutMs,
      onDone: (batch, outcome, transientIntact) => this.#done(batch, outcome, transientIntact),
      onFenced: () => this.#fenced(),
      plantedBug,
    });
    const homeOf = (name: string): QueueHome | undefined => this.#homes.get(name);
    const deadLetters = new DeadLetters({
      routing: this.#routing,
      commit: this.#commit,
      storeClock,
      homeOf,
      publishToChannel,
      log,
    });
    this.#services = {
      store,
      commit: this.#commit,
      clock,
      storeClock,
      random,
      log,
      mayDeliver: () => this.#mayDeliver(),
      bury: (message, reason) => deadLetters.bury(message, reason),
      unused: (home) => void this.#deleteUnused(home),
      draining: () => this.#draining,
      windowMessages: this.#options.windowMessages,
      plantedBug,
    };
    this.#intake = new Intake({
      services: this.#services,
      routing: this.#routing,
      homeOf,
      publishToChannel,
      idWindowMs: this.#options.idWindowMs,
      maxPendingBytes: this.#options.maxPendingBytes,
    });
    this.#topology = new TopologyKeeper({
      store: this.#options.topology,
      routing: this.#routing,
      queueDeclared: (queue) => this.#takeHome(queue),
      queueDeleted: (name) => this.#drop(name),
      requireCurrent: () => this.#requireCurrent(),
      confirmCurrent: () => this.#confirmCurrent(),
      pause: (attempt) => backOff(attempt, this.#options),
    });
    this.#forwarder = new ChannelForwarder({ publish: publishToChannel, clock, random, log });
    this.#browser = new Browser(this.#services);
    this.#replay = new DeadLetterReplay({
      services: this.#services,
      browser: this.#browser,
      homeOf,
    });
  }

  /** Ends the former incarnation of this node, takes its queues over, and loads what they need. */
  async start(): Promise<void> {
    const { store, topology, node, leaseMs, clock } = this.#options;
    for (const queue of builtInQueues) await topology.declareQueue(queue);
    await this.#topology.load();
    const asked = clock.monotonic();
    const takeover = await store.takeOver(node, leaseMs);
    this.#incarnation = takeover.incarnation;
    this.#leaseUntil = asked + leaseMs;
    this.#services.storeClock.set(takeover.storeNow);
    this.#commit.begin(takeover.incarnation);
    for (const state of takeover.queues) {
      const definition = this.#routing.queue(state.name);
      if (definition) this.#addHome(new QueueHome(definition, state, this.#services));
    }
    this.#renewTimer = clock.after(leaseMs / 3, () => void this.#renew());
    this.#forgetTimer = clock.after(forgetIdsEveryMs, () => void this.#forgetIds());
    this.#sampleRates();
    // Whom they belonged to is gone.
    for (const { name, exclusiveTo } of this.#routing.queues()) {
      if (exclusiveTo !== undefined) await this.#topology.deleteQueue(name, () => true);
    }
    this.#startForwarder();
  }

  /** Takes nothing new, and commits what is in flight. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#replay.stop();
    await this.#forwarder.drain();
    await this.#commit.settled();
  }

  /** What is not committed by now is given up. */
  stop(): Promise<void> {
    this.#draining = true;
    this.#stopped = true;
    this.#replay.stop();
    this.#forwarder.stop();
    this.#topology.stop();
    this.#renewTimer?.cancel();
    this.#forgetTimer?.cancel();
    this.#rateTimer?.cancel();
    for (const home of this.#homes.values()) home.close("the server is shutting down");
    this.#commit.end();
    return Promise.resolve();
  }

  /** Rejects when this node has no lease on its queues, for readiness. */
  check(): Promise<void> {
    if (this.#mayDeliver()) return Promise.resolve();
    if (this.#draining) return Promise.reject(shuttingDown());
    if (this.#commit.fenced) return Promise.reject(this.#superseded());
    const detail = "The lease on the queues has run out.";
    return Promise.reject(new SwitchyardError("storeUnavailable", { detail }));
  }

  publish(events: readonly NewEvent[], publisher: string): Promise<readonly PublishEventOutcome[]> {
    if (this.#draining) return Promise.reject(shuttingDown());
    return this.#intake.publish(events, publisher);
  }

  declareExchange(exchange: ExchangeDefinition): Promise<boolean> {
    return this.#topology.declareExchange(exchange);
  }

  async deleteExchange(name: string, { ifUnused }: { readonly ifUnused: boolean }): Promise<void> {
    await this.#topology.deleteExchange(name, ifUnused);
    this.#intake.forget(name);
  }

  async declareQueue(queue: QueueDefinition): Promise<boolean> {
    const declared = await this.#topology.declareQueue(queue);
    this.#homes.get(queue.name)?.touch();
    return declared;
  }

  async deleteQueue(
    name: string,
    {
      ifEmpty,
      ifUnused,
      owner,
    }: { readonly ifEmpty: boolean; readonly ifUnused: boolean; readonly owner?: string },
  ): Promise<number> {
    this.#homeNamed(name);
    let messages = 0;
    await this.#topology.deleteQueue(name, () => {
      const home = this.#homeNamed(name);
      // The name may have gone to somebody else while this waited for its turn.
      if (owner !== undefined && home.definition.exclusiveTo !== owner) throw noQueue(name);
      ({ messages } = home);
      if (ifUnused && home.consumers > 0) {
        const detail = `The queue ${JSON.stringify(name)} has ${home.consumers} consumers.`;
        throw precondition(detail, "if_unused");
      }
      if (ifEmpty && messages > 0) {
        const detail = `The queue ${JSON.stringify(name)} has ${messages} messages.`;
        throw precondition(detail, "if_empty");
      }
      return true;
    });
    return messages;
  }

  async purgeQueue(name: string): Promise<number> {
    this.#requireCurrent();
    return this.#homeOfOthers(name).purge();
  }

  bind(binding: BindingDefinition): Promise<boolean> {
    return this.#topology.bind(binding);
  }

  unbind(binding: BindingDefinition): Promise<void> {
    return this.#topology.unbind(binding);
  }

  exchanges(): readonly ExchangeDescription[] {
    return this.#routing.exchanges().map((exchange) => ({
      ...exchange,
      builtIn: isBuiltInExchange(exchange.name),
      ...this.#intake.countsOf(exchange.name),
    }));
  }

  queues(): readonly QueueDescription[] {
    const all: QueueDescription[] = [];
    for (const home of this.#homes.values()) {
      if (home.name !== channelQueue) all.push(this.#describe(home));
    }
    return all;
  }

  queue(name: string): QueueDescription {
    return this.#describe(this.#homeNamed(name));
  }

  bindings(): readonly BindingDefinition[] {
    return this.#routing.bindings();
  }

  exportTopology(): TopologyDocument {
    return this.#topology.export();
  }

  importTopology(topology: TopologyDocument): Promise<TopologyImport> {
    return this.#topology.import(topology);
  }

  async browse(queue: string, page: BrowsePage): Promise<BrowseResult> {
    return this.#browser.page(this.#homeNamed(queue), page);
  }

  consume({ queue, prefetch, connection }: ConsumeRequest, sink: DeliverySink): Consumer {
    if (this.#draining) throw shuttingDown();
    this.#requireCurrent();
    const home = this.#homeOfOthers(queue);
    const { exclusiveTo } = home.definition;
    if (exclusiveTo !== undefined && exclusiveTo !== connection) {
      const detail = `The queue ${JSON.stringify(queue)} belongs to another connection.`;
      throw new SwitchyardError("resourceLocked", { detail, field: "queue" });
    }
    return this.#consumerOf(home, prefetch, sink);
  }

  async pull(queue: string, request: PullRequest): Promise<readonly PulledDelivery[]> {
    if (this.#draining) throw shuttingDown();
    this.#requireCurrent();
    const home = this.#homeOfOthers(queue);
    if (home.definition.exclusiveTo !== undefined) {
      const detail = `The queue ${JSON.stringify(queue)} belongs to a connection.`;
      throw new SwitchyardError("resourceLocked", { detail, field: "queue" });
    }
    return home.pulls.pull(request);
  }

  async settleReceipts(
    queue: string,
    receipts: readonly string[],
    settlement: Settlement,
  ): Promise<readonly SettleOutcome[]> {
    const { pulls } = this.#homeOfOthers(queue);
    const outcomes = receipts.map((receipt): SettleOutcome =>
      pulls.settle(receipt, settlement) ? "settled" : "unknown",
    );
    if (outcomes.includes("settled")) await this.#commit.soFar();
    return outcomes;
  }

  async extendReceipts(
    queue: string,
    receipts: readonly string[],
    leaseMs: number,
  ): Promise<readonly SettleOutcome[]> {
    const { pulls } = this.#homeOfOthers(queue);
    return receipts.map((receipt) => (pulls.extend(receipt, leaseMs) ? "settled" : "unknown"));
  }

  async replay(queue: string, selection: DeadLetterSelection): Promise<ReplayResult> {
    return this.#replay.replay(this.#homeOfOthers(queue), selection);
  }

  async discard(queue: string, selection: DeadLetterSelection): Promise<number> {
    return this.#replay.discard(this.#homeOfOthers(queue), selection);
  }

  counters(): BrokerCounters {
    const { published, unroutable, returned, duplicates } = this.#intake;
    const { flushes, retries: flushRetries, pendingBytes } = this.#commit;
    return {
      published,
      unroutable,
      returned,
      duplicates,
      flushes,
      flushRetries,
      pendingBytes,
      wiped: this.#wiped,
    };
  }

  #startForwarder(): void {
    const home = this.#homes.get(channelQueue);
    if (home) this.#forwarder.start((sink) => this.#consumerOf(home, forwarderPrefetch, sink));
  }

  #consumerOf(home: QueueHome, prefetch: number, sink: DeliverySink): Consumer {
    this.#consumerCount += 1;
    return home.addConsumer(`c${this.#consumerCount}`, prefetch, sink);
  }

  #describe(home: QueueHome): QueueDescription {
    const { oldestAt } = home;
    return {
      ...home.definition,
      builtIn: isBuiltInQueue(home.name),
      ready: home.ready,
      readyBytes: home.readyBytes,
      unsettled: home.unsettled,
      delayed: home.delayed,
      consumers: home.consumers,
      oldestAgeMs:
        oldestAt === undefined
          ? undefined
          : Math.max(0, this.#services.storeClock.now() - oldestAt),
      counts: home.counts,
      rates: this.#rates.of(home),
    };
  }

  #homeNamed(name: string): QueueHome {
    const home = this.#homes.get(name);
    if (home) return home;
    throw noQueue(name);
  }

  /** As `#homeNamed`; the internal queue is nobody's business. */
  #homeOfOthers(name: string): QueueHome {
    if (name !== channelQueue) return this.#homeNamed(name);
    const detail = `The queue ${JSON.stringify(name)} is internal.`;
    throw new SwitchyardError("permissionDenied", { detail, field: "queue" });
  }

  #addHome(home: QueueHome): void {
    this.#homes.set(home.name, home);
  }

  async #takeHome(queue: QueueDefinition): Promise<void> {
    if (this.#homes.has(queue.name) || !this.#incarnation) return;
    const [state] = await this.#options.store.takeHomes(this.#incarnation, [queue.name]);
    if (state && !this.#homes.has(queue.name))
      this.#addHome(new QueueHome(queue, state, this.#services));
  }

  /** No new message enters it; fulfils when those under way have. */
  async #drop(name: string): Promise<void> {
    const home = this.#homes.get(name);
    if (!home) return;
    this.#homes.delete(name);
    home.close("the queue has been deleted");
    await this.#commit.soFar();
  }

  async #deleteUnused(home: QueueHome): Promise<void> {
    if (this.#stopped || home.closed) return;
    try {
      await this.#topology.deleteQueue(home.name, () => home.unused);
    } catch (error) {
      this.#options.log.warn(
        { queue: home.name, err: error },
        "could not delete a queue that nobody uses",
      );
    }
  }

  #done(batch: Batch, outcome: BatchOutcome, transientIntact: boolean): void {
    const isCommitted = outcome === "committed";
    if (!transientIntact) this.#wipe();
    if (isCommitted) for (const [home, seq] of batch.marks) home.marked(seq);
    batch.forEachArrival(
      (insert) => {
        for (const message of insert.messages) {
          if (insert.outcome === "committed") message.home.entered(message);
          else message.home.refused(message);
        }
      },
      ({ message, change: { newLane, newSeq } }) => {
        if (isCommitted) message.home.moved(message, newLane, newSeq);
        else message.home.unmoved(message);
      },
    );
  }

  /** PostgreSQL has crashed, and its unlogged tables are empty. */
  #wipe(): void {
    let lost = 0;
    for (const home of this.#homes.values()) {
      if (!home.definition.durable) lost += home.wiped();
    }
    this.#wiped += lost;
    this.#options.log.warn(
      { messages: lost },
      "PostgreSQL crashed: messages of transient queues are lost",
    );
  }

  #fenced(): void {
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    this.#topology.stop();
    this.#options.log.error(
      { node: this.#options.node },
      "another process runs under this node's name: its queues are over here. Give every node a name of its own, and start this one again",
    );
  }

  #requireCurrent(): void {
    if (!this.#commit.fenced) return;
    throw this.#draining ? shuttingDown() : this.#superseded();
  }

  /** Rejects when a later incarnation has begun, of which this one may not have heard, and while the store is away. */
  async #confirmCurrent(): Promise<void> {
    this.#requireCurrent();
    const { store, leaseMs } = this.#options;
    if (this.#incarnation && (await store.renew(this.#incarnation, leaseMs)) !== undefined) return;
    this.#commit.fence();
    throw this.#superseded();
  }

  #superseded(): SwitchyardError {
    const detail = `Another process runs as node ${this.#options.node}.`;
    return new SwitchyardError("storeUnavailable", { detail });
  }

  #mayDeliver(): boolean {
    if (this.#draining || this.#commit.fenced) return false;
    return this.#options.clock.monotonic() < this.#leaseUntil;
  }

  async #renew(): Promise<void> {
    const { store, clock, leaseMs, log } = this.#options;
    const asked = clock.monotonic();
    try {
      const storeNow = this.#incarnation && (await store.renew(this.#incarnation, leaseMs));
      if (storeNow === undefined) return this.#commit.fence();
      this.#services.storeClock.set(storeNow);
      const hadLease = clock.monotonic() < this.#leaseUntil;
      this.#leaseUntil = asked + leaseMs;
      if (!hadLease) for (const home of this.#homes.values()) home.wake();
      await this.#takeMissingHomes();
    } catch (error) {
      if (asked < this.#leaseUntil)
        log.warn({ err: error }, "could not renew the lease on the queues");
    } finally {
      if (!this.#stopped && !this.#commit.fenced)
        this.#renewTimer = clock.after(
          clock.monotonic() < this.#leaseUntil && this.#missing.length === 0 ? leaseMs / 3 : 500,
          () => void this.#renew(),
        );
    }
  }

  /** Queues whose home was another node until its lease ran out. */
  get #missing(): string[] {
    return this.#routing.queues().flatMap(({ name }) => (this.#homes.has(name) ? [] : [name]));
  }

  async #takeMissingHomes(): Promise<void> {
    const names = this.#missing;
    if (names.length === 0 || !this.#incarnation) return;
    for (const state of await this.#options.store.takeHomes(this.#incarnation, names)) {
      const definition = this.#routing.queue(state.name);
      if (definition && !this.#homes.has(state.name))
        this.#addHome(new QueueHome(definition, state, this.#services));
      if (state.name === channelQueue) this.#startForwarder();
    }
  }

  #sampleRates(): void {
    this.#rates.sample(this.#homes.values());
    this.#rateTimer = this.#options.clock.after(RateMeter.everyMs, () => this.#sampleRates());
  }

  async #forgetIds(): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      await store.forgetIds();
    } catch (error) {
      log.debug({ err: error }, "could not remove old event ids");
    }
    if (!this.#stopped)
      this.#forgetTimer = clock.after(forgetIdsEveryMs, () => void this.#forgetIds());
  }
}

function shuttingDown(): SwitchyardError {
  return new SwitchyardError("storeUnavailable", { detail: "The server is shutting down." });
}

function noQueue(name: string): SwitchyardError {
  const detail = `There is no queue ${JSON.stringify(name)}.`;
  return new SwitchyardError("notFound", { detail, field: "queue" });
}

function precondition(detail: string, field: string): SwitchyardError {
  return new SwitchyardError("preconditionFailed", { detail, field });
}
