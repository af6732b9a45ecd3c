import type { BindingDefinition } from "../ports/topology-store.ts";
import { RoutingTable } from "./routing-table.ts";

/**
 * Events routed per second, with and without remembered routes. Run: bun routing-table.bench.ts
 * On one core of a 2-core VM: 0.5 to 1.3 million, remembered 4 to 8 million; when no two keys are alike, remembering them
 * costs up to a quarter.
 */
function measure(
  title: string,
  exchange: string,
  bindings: readonly BindingDefinition[],
  keyOf: (event: number) => string,
): void {
  const count = 500_000;
  // Made before the clock starts, by way of a buffer: as flat as strings that come from a socket.
  const events = Array.from({ length: count }, (_, event) => ({
    exchange,
    key: Buffer.from(keyOf(event)).toString(),
    headers: { country: `c${event % 40}` },
  }));
  const rates = [0, 20_000].map((cacheWeight) => {
    const table = new RoutingTable({ cacheWeight });
    for (const { destination } of bindings) {
      if (destination.type !== "queue") continue;
      const queue = {
        name: destination.name,
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
      } as const;
      table.apply({ type: "queueDeclared", queue });
    }
    for (const binding of bindings) table.apply({ type: "bound", binding });
    let routed = 0;
    const started = performance.now();
    for (const event of events) routed += table.route(event)?.queues.length ?? 0;
    const seconds = (performance.now() - started) / 1_000;
    return { rate: Math.round(count / seconds).toLocaleString("en"), each: routed / count };
  });
  const [plain, cached] = rates;
  process.stdout.write(
    `${title.padEnd(52)} ${plain?.rate.padStart(12)} /s, remembered ${cached?.rate.padStart(12)} /s, ${cached?.each.toFixed(1)} queues each\n`,
  );
}

const toQueues = (
  exchange: string,
  count: number,
  keyOf: (queue: number) => string,
): readonly BindingDefinition[] =>
  Array.from({ length: count }, (_, queue) => ({
    exchange,
    key: keyOf(queue),
    match: undefined,
    destination: { type: "queue", name: `q${queue}` },
    durable: true,
  }));

const country = (n: number): string => `country${n % 40}`;

for (const round of ["warm-up", "measured"]) {
  process.stdout.write(`${round}\n`);
  measure(
    "default exchange, 100 queues",
    "",
    toQueues("amq.direct", 100, String),
    (event) => `q${event % 100}`,
  );
  measure(
    "fanout, 3 queues, no two keys alike",
    "amq.fanout",
    toQueues("amq.fanout", 3, () => ""),
    String,
  );
  measure("direct, 40 queues, 40 keys", "amq.direct", toQueues("amq.direct", 40, country), country);
  measure(
    "topic, 3 patterns, 40 keys",
    "amq.topic",
    toQueues("amq.topic", 3, (queue) => ["#", "country1.#", "*.placed"][queue] ?? ""),
    (event) => `${country(event)}.placed`,
  );
  measure(
    "topic, 3 patterns, no two keys alike",
    "amq.topic",
    toQueues("amq.topic", 3, (queue) => ["#", "country1.#", "*.placed"][queue] ?? ""),
    (event) => `${country(event)}.${event}`,
  );
  measure(
    "topic, 1,000 patterns, 4,000 keys",
    "amq.topic",
    toQueues("amq.topic", 1_000, (queue) => `${country(queue)}.*.${Math.floor(queue / 40)}`),
    (event) => `${country(event)}.x${event % 4_000}.${event % 25}`,
  );
}
