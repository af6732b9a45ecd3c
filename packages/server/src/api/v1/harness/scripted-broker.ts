import { type BrokerOperations, type QueueDescription, SwitchyardError } from "@switchyard/core";

/** One call: the operation's name and its arguments. */
export type BrokerCall = readonly [operation: string, ...args: unknown[]];

/** Stands for the broker at the port's boundary: records every call and answers as a test says, else with next to nothing. */
export interface ScriptedBroker {
  readonly broker: BrokerOperations;
  readonly calls: BrokerCall[];
}

export function scriptedBroker(answers: Partial<BrokerOperations> = {}): ScriptedBroker {
  const calls: BrokerCall[] = [];
  const plain: BrokerOperations = {
    publish: async (events) =>
      events.map(({ id }, index) => ({
        kind: "confirmed",
        id: id ?? `generated-${index}`,
        routed: 1,
        duplicate: false,
      })),
    declareExchange: async () => true,
    deleteExchange: async () => {},
    declareQueue: async () => true,
    deleteQueue: async () => 0,
    purgeQueue: async () => 0,
    bind: async () => true,
    unbind: async () => {},
    exchanges: () => [],
    queues: () => [],
    queue: (name) => {
      throw new SwitchyardError("notFound", { field: "name", detail: `no queue "${name}"` });
    },
    bindings: () => [],
    exportTopology: () => ({ exchanges: [], queues: [], bindings: [] }),
    importTopology: async () => ({ exchanges: 0, queues: 0, bindings: 0 }),
    browse: async () => ({ messages: [], cursor: undefined }),
    consume: () => {
      throw new SwitchyardError("notAvailable");
    },
    pull: async () => [],
    settleReceipts: async (_queue, receipts) => receipts.map(() => "settled"),
    extendReceipts: async (_queue, receipts) => receipts.map(() => "settled"),
    replay: async () => ({ replayed: 0, scheduled: 0, kept: 0 }),
    discard: async () => 0,
    counters: () => ({
      published: 0,
      unroutable: 0,
      returned: 0,
      duplicates: 0,
      flushes: 0,
      flushRetries: 0,
      pendingBytes: 0,
      wiped: 0,
    }),
  };
  const recorded = Object.entries({ ...plain, ...answers }).map(([name, run]) => [
    name,
    // Each entry is a method of the port; its arguments are passed on as they came.
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      return (run as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  // The same members with the same signatures, each wrapped.
  return { broker: Object.fromEntries(recorded) as BrokerOperations, calls };
}

/** A queue that nothing has happened to. */
export function plainQueue(name: string, more: Partial<QueueDescription> = {}): QueueDescription {
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
    builtIn: false,
    ready: 0,
    readyBytes: 0,
    unsettled: 0,
    delayed: 0,
    consumers: 0,
    oldestAgeMs: undefined,
    counts: {
      published: 0,
      delivered: 0,
      redelivered: 0,
      acknowledged: 0,
      dead: 0,
      expired: 0,
      dropped: 0,
    },
    rates: { published: 0, delivered: 0, acknowledged: 0 },
    ...more,
  };
}
