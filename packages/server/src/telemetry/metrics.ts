import type { HubObserver, HubServices, MemoryBus, MemoryBusStats } from "@switchyard/core";
import { Counter, Gauge, type Registry } from "prom-client";
import { BucketHistogram } from "./bucket-histogram.ts";
import { LabelCounter } from "./label-counter.ts";

/** Seconds. From a memory bus' tenth of a millisecond to a node in another region. */
const latencyBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The hub's metrics in Prometheus' terms. Labels are bounded: transports, methods, codes, results. */
export function createHubMetrics(registry: Registry): HubObserver {
  const registers = [registry];
  const opened = new Counter({
    name: "switchyard_connections_opened_total",
    help: "Connections that began.",
    labelNames: ["transport"],
    registers,
  });
  const closed = new Counter({
    name: "switchyard_connections_closed_total",
    help: "Connections that ended, by disconnect code or WebSocket close code.",
    labelNames: ["transport", "code"],
    registers,
  });
  const commands = new LabelCounter({
    registry,
    name: "switchyard_commands_total",
    help: "Commands from clients.",
    label: "method",
  });
  const errors = new Counter({
    name: "switchyard_errors_total",
    help: "Errors answered to clients.",
    labelNames: ["method", "code"],
    registers,
  });
  const subscribes = new Counter({
    name: "switchyard_subscribes_total",
    help: "Subscriptions that began.",
    registers,
  });
  const unsubscribes = new Counter({
    name: "switchyard_unsubscribes_total",
    help: "Subscriptions that ended.",
    registers,
  });
  const publications = new LabelCounter({
    registry,
    name: "switchyard_publications_total",
    help: "Publications accepted.",
    label: "source",
  });
  const deliveries = new LabelCounter({
    registry,
    name: "switchyard_deliveries_total",
    help: "Publications handed to connections.",
    label: "transport",
  });
  const bytes = new LabelCounter({
    registry,
    name: "switchyard_delivered_bytes_total",
    help: "Payload of those deliveries, in characters of the encoded frame.",
    label: "transport",
  });
  const recoveries = new Counter({
    name: "switchyard_recoveries_total",
    help: "Recoveries of returning clients.",
    labelNames: ["result"],
    registers,
  });
  const repairs = new Counter({
    name: "switchyard_repairs_total",
    help: "Channels whose live publications had a hole.",
    labelNames: ["result"],
    registers,
  });
  const latency = new BucketHistogram({
    registry,
    name: "switchyard_fanout_latency_seconds",
    help: "From the publish of a publication to its hand-over to the transport.",
    bounds: latencyBounds,
  });
  return {
    connectionOpened: (transport) => opened.inc({ transport }),
    connectionClosed: (transport, code) => closed.inc({ transport, code: boundedCode(code) }),
    commandReceived: (method) => commands.add(method),
    errorAnswered: (method, code) => errors.inc({ method, code }),
    subscribed: () => subscribes.inc(),
    unsubscribed: () => unsubscribes.inc(),
    publicationAccepted: (source) => publications.add(source),
    delivered: (transport, count, frameBytes, latencyMs) => {
      deliveries.add(transport, count);
      bytes.add(transport, count * frameBytes);
      latency.record(Math.max(0, latencyMs) / 1000);
    },
    recovered: (result) => recoveries.inc({ result }),
    repaired: (result) => repairs.inc({ result }),
  };
}

/** Counts tokens that could be neither taken nor refused. */
export function countUncheckedTokens(registry: Registry): () => void {
  const unchecked = new Counter({
    name: "switchyard_tokens_unchecked_total",
    help: "Tokens that were not checked, because the keys of their issuer could not be had.",
    registers: [registry],
  });
  return () => unchecked.inc();
}

/** Gauges that are read when somebody asks. */
export function registerHubGauges(
  registry: Registry,
  { connections, channels, wheel }: Pick<HubServices, "connections" | "channels" | "wheel">,
): void {
  gauge(registry, "switchyard_connections", "Open connections.", () => connections.size);
  gauge(registry, "switchyard_users", "Users with a connection.", () => connections.userCount);
  gauge(
    registry,
    "switchyard_channels",
    "Channels with subscribers on this node.",
    () => channels.size,
  );
  gauge(registry, "switchyard_subscriptions", "Subscriptions of open connections.", () => {
    let subscriptions = 0;
    for (const channel of channels.values()) subscriptions += channel.size;
    return subscriptions;
  });
  gauge(
    registry,
    "switchyard_deadlines",
    "Connections that wait for a ping, a pong, an expiry or a connect command.",
    () => wheel.size,
  );
}

/** What the bus of this process holds in memory. */
export function registerMemoryBusGauges(registry: Registry, bus: Pick<MemoryBus, "stats">): void {
  const rows: readonly (readonly [string, string, keyof MemoryBusStats])[] = [
    ["bus_channels", "Channels this node is subscribed to.", "subscribedChannels"],
    ["presence_entries", "Connections present on channels.", "presenceEntries"],
    ["streams", "Channels with a position.", "streams"],
    ["stream_publications", "Publications kept for history and recovery.", "publications"],
    ["stream_bytes", "What those weigh in memory, roughly.", "historyBytes"],
    [
      "stream_evictions",
      "Publications forgotten for the bound on bytes, since the start.",
      "historyEvictions",
    ],
    ["idempotency_keys", "Keys of publications whose repeats are recognised.", "idempotencyKeys"],
  ];
  for (const [name, help, figure] of rows)
    gauge(registry, `switchyard_${name}`, help, () => bus.stats()[figure]);
}

/** What the process costs, and how long its event loop makes others wait. */
export function registerProcessGauges(
  registry: Registry,
  eventLoopDelay: { percentileMs(percent: number): number },
): void {
  gauge(registry, "process_resident_memory_bytes", "Resident memory.", () =>
    process.memoryUsage.rss(),
  );
  gauge(
    registry,
    "process_heap_bytes",
    "Used JavaScript heap.",
    () => process.memoryUsage().heapUsed,
  );
  gauge(registry, "process_cpu_seconds_total", "User and system CPU time.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(registry, "process_uptime_seconds", "Since the start of the process.", () =>
    process.uptime(),
  );
  for (const percent of [50, 99]) {
    const name = `switchyard_event_loop_delay_p${percent}_seconds`;
    gauge(
      registry,
      name,
      "Delay of the event loop over the last minute.",
      () => eventLoopDelay.percentileMs(percent) / 1000,
    );
  }
}

export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(metric);
}

/** Codes come from peers too: what is no known range becomes one label. */
function boundedCode(code: number): string {
  return (code >= 1000 && code <= 1015) || (code >= 3000 && code <= 3999) ? String(code) : "other";
}
