import { expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
  TopologyChange,
} from "../ports/topology-store.ts";
import { bindingKey } from "./definitions.ts";
import { RoutingTable } from "./routing-table.ts";
import type { RoutedEvent } from "./route.ts";

/** The same semantics with lists and recursion alone, over the definitions. */
class Model {
  readonly exchanges = new Map<string, ExchangeDefinition>();
  readonly queues = new Map<string, QueueDefinition>();
  bindings: BindingDefinition[] = [];

  apply(change: TopologyChange): void {
    const without = (gone: (binding: BindingDefinition) => boolean): void => {
      this.bindings = this.bindings.filter((binding) => !gone(binding));
    };
    switch (change.type) {
      case "exchangeDeclared":
        this.exchanges.set(change.exchange.name, change.exchange);
        return;
      case "exchangeDeleted":
        this.exchanges.delete(change.name);
        without(
          ({ exchange, destination }) =>
            exchange === change.name ||
            (destination.type === "exchange" && destination.name === change.name),
        );
        return;
      case "queueDeclared":
        this.queues.set(change.queue.name, change.queue);
        return;
      case "queueDeleted":
        this.queues.delete(change.name);
        without(({ destination: { type, name } }) => type === "queue" && name === change.name);
        return;
      case "bound":
      case "unbound": {
        const { exchange, destination } = change.binding;
        without((binding) => bindingKey(binding) === bindingKey(change.binding));
        const exists =
          this.exchanges.has(exchange) &&
          (destination.type === "channel" ||
            (destination.type === "queue" ? this.queues : this.exchanges).has(destination.name));
        if (change.type === "bound" && exists) this.bindings.push(change.binding);
      }
    }
  }

  route(event: RoutedEvent): readonly string[] | undefined {
    if (!this.exchanges.has(event.exchange)) return undefined;
    const found = new Map<string, boolean>();
    const seen = new Set<string>();
    const visit = (name: string): void => {
      const exchange = this.exchanges.get(name);
      if (!exchange || seen.has(name)) return;
      seen.add(name);
      let taken = false;
      for (const binding of this.bindings) {
        const { destination, durable } = binding;
        if (binding.exchange !== name || !isMatch(exchange, binding, event)) continue;
        const target =
          destination.type === "channel"
            ? destination.name.replace("{headers.h}", `${event.headers["h"] ?? "?"}`)
            : destination.name;
        if (target.includes("?")) continue;
        taken = true;
        if (destination.type === "exchange") visit(target);
        else found.set(target, found.get(target) === true || durable);
      }
      if (!taken && exchange.alternateExchange !== undefined) visit(exchange.alternateExchange);
    };
    visit(event.exchange);
    return [...found].map(([name, durable]) => `${name} ${durable}`).toSorted();
  }
}

/** Topic patterns of the test are `#`, `a.#` and keys. */
function isMatch(
  { type }: ExchangeDefinition,
  { key, match }: BindingDefinition,
  event: RoutedEvent,
): boolean {
  if (type === "fanout") return true;
  if (type === "direct") return key === event.key;
  if (type === "topic") {
    return key === "#" || (key === "a.#" && /^a(\.|$)/.test(event.key)) || key === event.key;
  }
  return !match || event.headers["h"] === match.headers["h"];
}

function randomChange(random: SeededRandom): TopologyChange {
  const exchangeNames = ["x1", "x2", "x3", "x4", "x5"];
  const queueNames = ["q1", "q2", "q3"];
  const draw = random.int(20);
  if (draw === 0) return { type: "exchangeDeleted", name: random.pick(exchangeNames) };
  if (draw === 1) return { type: "queueDeleted", name: random.pick(queueNames) };
  if (draw < 6) {
    return {
      type: "exchangeDeclared",
      exchange: {
        name: random.pick(exchangeNames),
        type: random.pick(["fanout", "direct", "topic", "headers"]),
        alternateExchange: random.pick([undefined, undefined, ...exchangeNames]),
      },
    };
  }
  if (draw < 8) return { type: "queueDeclared", queue: queue(random.pick(queueNames)) };
  const destinationType = random.pick(["queue", "queue", "channel", "exchange"] as const);
  const names = {
    queue: queueNames,
    channel: ["c", "c:{headers.h}"],
    exchange: exchangeNames,
  };
  return {
    type: draw < 16 ? "bound" : "unbound",
    binding: {
      exchange: random.pick(exchangeNames),
      key: random.pick(["", "a", "a.b", "a.#", "#"]),
      match: random.pick([undefined, { mode: random.pick(["all", "any"]), headers: { h: 1 } }]),
      destination: { type: destinationType, name: random.pick(names[destinationType]) },
      durable: destinationType !== "channel" || random.chance(0.5),
    },
  };
}

const queue = (name: string): QueueDefinition => ({
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
});

test.each(fuzzSeeds(5))("routes as a simple model does through all changes, seed %i", (seed) => {
  const random = new SeededRandom(seed);
  const model = new Model();
  // So small that it also forgets.
  const routing = new RoutingTable({ cacheWeight: 30 });
  let delivered = 0;
  for (let step = 0; step < 2_000; step += 1) {
    const change = randomChange(random);
    model.apply(change);
    routing.apply(change);
    for (let n = 0; n < 6; n += 1) {
      const event = {
        exchange: `x${1 + random.int(5)}`,
        key: random.pick(["", "a", "a.b", "b"]),
        headers: random.pick([{}, { h: 1 }, { h: 2 }]),
      };
      const route = routing.route(event);
      const found = route && [
        ...route.queues.map((name) => `${name} true`),
        ...route.channels.map(({ channel, durable }) => `${channel} ${durable}`),
      ];
      delivered += found?.length ?? 0;
      expect({ step, event, found: found?.toSorted() }).toEqual({
        step,
        event,
        found: model.route(event)?.slice(),
      });
    }
  }
  expect(delivered).toBeGreaterThan(1_000);

  const loaded = new RoutingTable();
  loaded.load({
    exchanges: routing.exchanges(),
    queues: routing.queues(),
    bindings: routing.bindings(),
  });
  const sortedBindings = (table: RoutingTable): readonly string[] =>
    table.bindings().map(bindingKey).toSorted();
  expect(sortedBindings(loaded)).toEqual(sortedBindings(routing));
  expect(sortedBindings(routing)).toEqual(model.bindings.map(bindingKey).toSorted());
});
