import {
  FakeClock,
  type FaultyQueueStore,
  InMemoryBrokerDatabase,
  SeededRandom,
  withQueueStoreFaults,
} from "@switchyard/testkit";
import type { QueueDefinition } from "../../ports/topology-store.ts";
import type { Broker, BrokerOptions } from "../broker.ts";
import type { Delivery } from "../broker-operations.ts";
import { channelQueue, deadLetterQueue } from "../built-in-queues.ts";
import { DeliveryChecker, type Holder } from "./delivery-checker.ts";
import { settled } from "./settled.ts";
import { createTestBroker, queueNamed } from "./test-broker.ts";

/** Routed together: all of them get an event or none. */
export const fanned = ["one", "two", "three"];
export const mixed = ["full", "single"];

const definitions: readonly QueueDefinition[] = [
  ...fanned.map((name) => queueNamed(name)),
  queueNamed("urgent"),
  queueNamed("mortal", {
    maxAttempts: 4,
    retry: { initialMs: 50, maximumMs: 400, jitter: 0.2 },
    deadLetterExchange: "deaths",
  }),
  queueNamed("dead"),
  queueNamed("full", { maxLength: 12, overflow: "reject-publish" }),
  queueNamed("head", { maxLength: 15 }),
  queueNamed("transient", { durable: false }),
  queueNamed("single", { singleActiveConsumer: true }),
  queueNamed("swept"),
];
export const queueNames = definitions.map(({ name }) => name);

export interface WorldOptions {
  readonly seed: number;
  readonly plantedBug?: BrokerOptions["plantedBug"];
}

/** A broker that is started again and again on one database, behind a store with faults, and all that is seen of it. */
export class BrokerWorld {
  readonly random: SeededRandom;
  readonly clock = new FakeClock();
  readonly database = new InMemoryBrokerDatabase(this.clock);
  readonly checker = new DeliveryChecker();
  readonly #plantedBug: BrokerOptions["plantedBug"];
  /** Chances of faults and delays differ from world to world. */
  readonly #faultiness: number;
  readonly #maxDelayMs: number | undefined;
  /** Counts starts. */
  incarnation = 0;
  node = "node";
  #flushesAtWipe: number | undefined;
  #broker: Broker | undefined;
  #store: FaultyQueueStore | undefined;

  constructor({ seed, plantedBug }: WorldOptions) {
    this.random = new SeededRandom(seed);
    this.#plantedBug = plantedBug;
    this.#faultiness = this.random.pick([0, 0.02, 0.1]);
    this.#maxDelayMs = this.random.pick([undefined, 3, 10]);
  }

  get broker(): Broker {
    if (!this.#broker) throw new Error("the world has not begun");
    return this.#broker;
  }

  get store(): FaultyQueueStore {
    if (!this.#store) throw new Error("the world has not begun");
    return this.#store;
  }

  async begin(): Promise<void> {
    await this.start();
    const { broker } = this;
    const done = (async () => {
      for (const name of ["fan", "mix", "deaths"])
        await broker.declareExchange({ name, type: "fanout", alternateExchange: undefined });
      for (const queue of definitions) await broker.declareQueue(queue);
      const bindings = [
        ...fanned.map((name) => ["fan", name] as const),
        ...mixed.map((name) => ["mix", name] as const),
        ["deaths", "dead"] as const,
      ];
      for (const [exchange, name] of bindings)
        await broker.bind({
          ...{ exchange, key: "", match: undefined, durable: true },
          destination: { type: "queue", name },
        });
    })();
    await this.pass(1_000);
    await done;
  }

  /** A new process under the current name of the node. */
  async start(): Promise<void> {
    const { clock, database, random } = this;
    const { broker } = createTestBroker({
      ...{ clock, database, node: this.node, random: random.fork() },
      windowMessages: random.pick([2, 5, 20, 5_000]),
      confirmTimeoutMs: 2_000,
      plantedBug: this.#plantedBug,
      wrap: (store) => {
        const chance = this.#faultiness;
        this.#store = withQueueStoreFaults(store, random.fork(), {
          clock,
          maxDelayMs: this.#maxDelayMs,
          maxStuckMs: 3_000,
          chances: { refused: chance, lost: chance, stuck: chance },
        });
        return this.#store;
      },
    });
    this.#broker = broker;
    this.incarnation += 1;
    const started = broker.start();
    await this.pass(50);
    await started;
  }

  /** The process ends without a word; what it has sent may still reach the store. */
  async crash(): Promise<void> {
    this.store.goAway();
    void this.broker.stop();
    this.checker.crashed(this.clock.now());
    // By another node only when the lease has run out.
    if (this.random.chance(0.2)) this.node = this.node === "node" ? "other" : "node";
    await this.start();
  }

  /** A second process under the same name, while the first one goes on. */
  async takeOver(): Promise<void> {
    this.checker.crashed(this.clock.now());
    await this.start();
  }

  /** Not while queues wait for the end of another node's lease, which may write on after the wipe. */
  wipe(): void {
    if (queueNames.some((name) => !this.broker.queues().some((queue) => queue.name === name)))
      return;
    this.database.wipeTransient();
    this.#flushesAtWipe = this.broker.counters().flushes;
    this.checker.lossy.add("transient");
    this.checker.exactAttempts = false;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await settled(2);
  }

  /** What a client of the present broker is given. Frames of a former one are void. */
  delivered(delivery: Delivery, holder: Holder, incarnation: number): void {
    if (incarnation !== this.incarnation) return;
    const isOrdered = delivery.queue !== "dead";
    this.checker.delivered(delivery, holder, { now: this.clock.now(), isOrdered });
  }

  /** Faults end; everything that was under way comes to its end. */
  async heal(): Promise<void> {
    this.store.comeBack();
    this.store.heal();
    await this.pass(15_000);
  }

  /** At a quiet moment: what the broker counts is what the store has. */
  checkCounts(): void {
    const { broker, database } = this;
    for (const { id, definition } of database.queues.values()) {
      const { name, durable } = definition;
      if (name === channelQueue) continue;
      // A broker hears of a wipe with its next flush.
      if (!durable && broker.counters().flushes === this.#flushesAtWipe) continue;
      const { ready, unsettled, delayed, readyBytes } = broker.queue(name);
      const lanes = database.table(durable).state(id);
      const stored = lanes.reduce((sum, { messages }) => sum + messages, 0);
      const storedDelayed = lanes.find(({ lane }) => lane === 10)?.messages ?? 0;
      const counted = { all: ready + unsettled + delayed, delayed };
      if (counted.all !== stored || counted.delayed !== storedDelayed)
        this.checker.problems.push(
          `${name} counts ${JSON.stringify({ ready, unsettled, delayed })}, the store has ${stored}, ${storedDelayed} of them delayed`,
        );
      if (Math.min(ready, unsettled, delayed, readyBytes) < 0 || (ready === 0 && readyBytes > 0))
        this.checker.problems.push(`${name} has ${ready} ready in ${readyBytes} bytes`);
    }
    const { pendingBytes } = broker.counters();
    if (pendingBytes !== 0) this.checker.problems.push(`${pendingBytes} bytes are pending`);
    if (broker.queue(deadLetterQueue).ready > 0)
      this.checker.problems.push("something died that has no dead-letter exchange");
  }
}
