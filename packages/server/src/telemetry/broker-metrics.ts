import type { BrokerCounters, BrokerOperations, QueueDescription } from "@switchyard/core";
import { Counter, Gauge, type Registry } from "prom-client";

type Figure<Source> = readonly [
  name: string,
  help: string,
  read: (source: Source) => number | undefined,
];

const queueGauges: readonly Figure<QueueDescription>[] = [
  ["ready", "Messages that wait for a consumer.", (queue) => queue.ready],
  ["ready_bytes", "Bytes of their bodies.", (queue) => queue.readyBytes],
  ["unsettled", "Messages that are with a consumer.", (queue) => queue.unsettled],
  ["delayed", "Messages that wait for their time.", (queue) => queue.delayed],
  ["consumers", "Consumers.", (queue) => queue.consumers],
  [
    "oldest_age_seconds",
    "Age of the oldest ready message.",
    ({ oldestAgeMs }) => (oldestAgeMs === undefined ? undefined : oldestAgeMs / 1_000),
  ],
];

const queueCounters: readonly Figure<QueueDescription>[] = [
  ["published_total", "Messages that entered.", ({ counts }) => counts.published],
  ["delivered_total", "Deliveries.", ({ counts }) => counts.delivered],
  ["redelivered_total", "Deliveries flagged as repeated.", ({ counts }) => counts.redelivered],
  ["acknowledged_total", "Messages that were acknowledged.", ({ counts }) => counts.acknowledged],
  ["dead_total", "Messages that became dead letters.", ({ counts }) => counts.dead],
  ["expired_total", "Messages that expired and were dropped.", ({ counts }) => counts.expired],
  ["dropped_total", "Messages that were dropped or purged.", ({ counts }) => counts.dropped],
];

const brokerCounters: readonly Figure<BrokerCounters>[] = [
  ["events_published_total", "Events that were confirmed.", (all) => all.published],
  ["events_unroutable_total", "Events that nothing took.", (all) => all.unroutable],
  ["events_returned_total", "Mandatory events that went back.", (all) => all.returned],
  ["events_duplicate_total", "Events whose id was known.", (all) => all.duplicates],
  ["flushes_total", "Commits of the broker.", (all) => all.flushes],
  ["flush_retries_total", "Commits whose outcome was unknown at first.", (all) => all.flushRetries],
  ["wiped_total", "Transient messages lost with a crash of PostgreSQL.", (all) => all.wiped],
];

/** Read when somebody asks; counts are since the start of this node. */
export function registerBrokerMetrics(
  registry: Registry,
  broker: Pick<BrokerOperations, "queues" | "counters">,
): void {
  for (const [name, help, read] of queueGauges) {
    const metric = new Gauge({
      name: `switchyard_queue_${name}`,
      help,
      labelNames: ["queue"],
      registers: [],
      collect() {
        this.reset();
        for (const queue of broker.queues()) {
          const value = read(queue);
          if (value !== undefined) this.set({ queue: queue.name }, value);
        }
      },
    });
    registry.registerMetric(metric);
  }
  for (const [name, help, read] of queueCounters) {
    const metric = new Counter({
      name: `switchyard_queue_${name}`,
      help,
      labelNames: ["queue"],
      registers: [],
      collect() {
        this.reset();
        for (const queue of broker.queues()) this.inc({ queue: queue.name }, read(queue) ?? 0);
      },
    });
    registry.registerMetric(metric);
  }
  for (const [name, help, read] of brokerCounters) {
    const metric = new Counter({
      name: `switchyard_broker_${name}`,
      help,
      registers: [],
      collect() {
        this.reset();
        this.inc(read(broker.counters()) ?? 0);
      },
    });
    registry.registerMetric(metric);
  }
  const pending = new Gauge({
    name: "switchyard_broker_pending_bytes",
    help: "Events on their way into the store.",
    registers: [],
    collect() {
      this.set(broker.counters().pendingBytes);
    },
  });
  registry.registerMetric(pending);
}
