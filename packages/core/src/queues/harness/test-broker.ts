import { type JsonText, trustJsonText } from "@switchyard/protocol";
import {
  FakeClock,
  InMemoryBrokerDatabase,
  InMemoryQueueStore,
  InMemoryTopologyStore,
  RecordingLog,
  SeededRandom,
} from "@switchyard/testkit";
import type { QueueStore } from "../../ports/queue-store.ts";
import type { QueueDefinition } from "../../ports/topology-store.ts";
import { Broker, type BrokerOptions } from "../broker.ts";
import type { Delivery, DeliverySink, NewEvent } from "../broker-operations.ts";

export interface TestBrokerOptions extends Partial<BrokerOptions> {
  readonly database?: InMemoryBrokerDatabase;
  readonly clock?: FakeClock;
  readonly wrap?: (store: QueueStore) => QueueStore;
}

/** A broker on stores in memory, with a record of what it published to channels. */
export interface TestBroker {
  readonly broker: Broker;
  readonly database: InMemoryBrokerDatabase;
  readonly clock: FakeClock;
  readonly log: RecordingLog;
  readonly published: { readonly channel: string; readonly data: string; readonly key: string }[];
}

export function createTestBroker(options: TestBrokerOptions = {}): TestBroker {
  const clock = options.clock ?? new FakeClock();
  const database = options.database ?? new InMemoryBrokerDatabase(clock);
  const store = new InMemoryQueueStore(database);
  const log = new RecordingLog();
  const published: TestBroker["published"] = [];
  const { wrap, ...rest } = options;
  const broker = new Broker({
    store: wrap?.(store) ?? store,
    topology: new InMemoryTopologyStore(database),
    publishToChannel: (channel, data, key) => {
      published.push({ channel, data: String(data), key });
      return Promise.resolve();
    },
    clock,
    random: new SeededRandom(1),
    log,
    node: "node",
    ...rest,
  });
  return { broker, database, clock, log, published };
}

export function queueNamed(name: string, more: Partial<QueueDefinition> = {}): QueueDefinition {
  return {
    name,
    durable: true,
    exclusiveTo: undefined,
    autoDelete: false,
    expiresMs: undefined,
    ttlMs: undefined,
    maxLength: undefined,
    maxBytes: undefined,
    overflow: "drop-head",
    deadLetterExchange: undefined,
    deadLetterKey: undefined,
    maxAttempts: undefined,
    retry: undefined,
    singleActiveConsumer: false,
    ...more,
  };
}

export function eventTo(
  key: string,
  body: number | string,
  more: Partial<NewEvent> = {},
): NewEvent {
  return {
    exchange: "",
    key,
    headers: {},
    body: trustJsonText(JSON.stringify(body)),
    contentType: undefined,
    id: undefined,
    mandatory: false,
    delayMs: undefined,
    deliverAt: undefined,
    priority: 0,
    ttlMs: undefined,
    ...more,
  };
}

/** Keeps what it is given. */
export class RecordingSink implements DeliverySink {
  readonly deliveries: Delivery[] = [];
  readonly reasons: string[] = [];
  room = true;

  deliver(deliveries: readonly Delivery[]): void {
    this.deliveries.push(...deliveries);
  }

  hasRoom(): boolean {
    return this.room;
  }

  cancelled(reason: string): void {
    this.reasons.push(reason);
  }

  get bodies(): unknown[] {
    // All bodies in these tests are JSON.
    return this.deliveries.map(({ body }): unknown => JSON.parse(body as JsonText));
  }
}
