import type {
  BindingDefinition,
  BindingDestination,
  ExchangeDefinition,
  QueueDefinition,
  Topology,
  TopologyChange,
} from "../ports/topology-store.ts";
import { builtInExchanges, defaultExchange, isBuiltInExchange } from "./built-in-exchanges.ts";
import { parseChannelTemplate } from "./channel-template.ts";
import { bindingKey } from "./definitions.ts";
import { exchangeTypes } from "./exchange-types.ts";
import { RouteCache } from "./route-cache.ts";
import { RouteFinder } from "./route-finder.ts";
import type { Route, RoutedEvent } from "./route.ts";
import type { ExchangeNode, QueueNode, RoutingBinding, RoutingTarget } from "./routing-graph.ts";

export interface RoutingTableOptions {
  /** Values that stand in a channel's name as they are; see `parseChannelTemplate`. */
  readonly channelValue?: RegExp | undefined;
  /** Routes and their destinations that are remembered, all counted together. Default 20,000; 0: none. */
  readonly cacheWeight?: number;
}

/**
 * The topology in memory, made to find an event's destinations. Holds what it is told in the order of the store's
 * versions, which are its owner's business, and checks nothing: definitions are checked before they are declared. What
 * makes no sense here does nothing: a binding whose exchange or queue is missing, a declaration of a built-in exchange.
 */
export class RoutingTable {
  readonly #exchanges = new Map<string, ExchangeNode>();
  readonly #queues = new Map<string, QueueNode>();
  readonly #bindings = new Map<string, RoutingBinding>();
  readonly #finder = new RouteFinder((name) => this.#exchanges.get(name));
  readonly #cache: RouteCache;
  readonly #channelValue: RegExp | undefined;

  constructor(options: RoutingTableOptions = {}) {
    this.#channelValue = options.channelValue;
    this.#cache = new RouteCache(options.cacheWeight ?? 20_000);
    this.#addBuiltIns();
  }

  /** Forgets all that it held. Built-in exchanges are always there, whether `topology` names them or not. */
  load(topology: Omit<Topology, "version">): void {
    this.#cache.clear();
    this.#exchanges.clear();
    this.#queues.clear();
    this.#bindings.clear();
    this.#addBuiltIns();
    for (const exchange of topology.exchanges) this.#declareExchange(exchange);
    for (const queue of topology.queues) this.#declareQueue(queue);
    for (const binding of topology.bindings) this.#bind(binding);
  }

  /** Idempotent. What goes takes its bindings with it. */
  apply(change: TopologyChange): void {
    this.#cache.clear();
    switch (change.type) {
      case "exchangeDeclared":
        return this.#declareExchange(change.exchange);
      case "exchangeDeleted":
        return this.#deleteExchange(change.name);
      case "queueDeclared":
        return this.#declareQueue(change.queue);
      case "queueDeleted":
        return this.#deleteQueue(change.name);
      case "bound":
        return this.#bind(change.binding);
      case "unbound":
        return this.#unbind(this.#bindings.get(bindingKey(change.binding)));
    }
  }

  /**
   * Where the event goes; no destinations when nothing takes it, undefined when there is no such exchange. Never throws.
   * The same object may be returned again: it must not be changed.
   */
  route(event: RoutedEvent): Route | undefined {
    const cached = this.#cache.get(event.exchange, event.key);
    if (cached) return cached;
    const exchange = this.#exchanges.get(event.exchange);
    if (!exchange) return undefined;
    const route = this.#finder.find(exchange, event);
    if (this.#finder.byKeyAlone) this.#cache.set(event.exchange, event.key, route);
    return route;
  }

  exchange(name: string): ExchangeDefinition | undefined {
    return this.#exchanges.get(name)?.definition;
  }

  queue(name: string): QueueDefinition | undefined {
    return this.#queues.get(name)?.definition;
  }

  /** The one that is the same (`bindingKey`), with its own `durable`. */
  binding(like: BindingDefinition): BindingDefinition | undefined {
    return this.#bindings.get(bindingKey(like))?.definition;
  }

  /** Built-in ones too, the default exchange among them. */
  exchanges(): readonly ExchangeDefinition[] {
    return Array.from(this.#exchanges.values(), ({ definition }) => definition);
  }

  queues(): readonly QueueDefinition[] {
    return Array.from(this.#queues.values(), ({ definition }) => definition);
  }

  /** Without those of the default exchange, which go without saying. */
  bindings(): readonly BindingDefinition[] {
    return definitionsOf(this.#bindings.values());
  }

  /** None for an exchange that does not exist; one per queue for the default exchange. */
  bindingsFrom(exchange: string): readonly BindingDefinition[] {
    return definitionsOf(this.#exchanges.get(exchange)?.outgoing);
  }

  #addBuiltIns(): void {
    for (const definition of builtInExchanges) this.#addExchange(definition);
  }

  #declareExchange(definition: ExchangeDefinition): void {
    if (isBuiltInExchange(definition.name)) return;
    const known = this.#exchanges.get(definition.name);
    if (!known) {
      this.#addExchange(definition);
      return;
    }
    if (known.definition.type !== definition.type) {
      known.index = exchangeTypes.get(definition.type)?.();
      for (const binding of known.outgoing) known.index?.add(binding);
    }
    known.definition = definition;
  }

  #addExchange(definition: ExchangeDefinition): void {
    this.#exchanges.set(definition.name, {
      definition,
      index: exchangeTypes.get(definition.type)?.(),
      incoming: new Set(),
      outgoing: new Set(),
      visitedBy: 0,
    });
  }

  #deleteExchange(name: string): void {
    const node = this.#exchanges.get(name);
    if (!node || isBuiltInExchange(name)) return;
    for (const binding of [...node.incoming, ...node.outgoing]) this.#unbind(binding);
    this.#exchanges.delete(name);
  }

  #declareQueue(definition: QueueDefinition): void {
    const known = this.#queues.get(definition.name);
    if (known) {
      known.definition = definition;
      return;
    }
    const node: QueueNode = { definition, incoming: new Set(), visitedBy: 0 };
    this.#queues.set(definition.name, node);
    const source = this.#exchanges.get(defaultExchange);
    if (source) this.#connect(bindingByName(source, node));
  }

  #deleteQueue(name: string): void {
    const node = this.#queues.get(name);
    if (!node) return;
    for (const binding of [...node.incoming]) this.#unbind(binding);
    this.#queues.delete(name);
  }

  #bind(definition: BindingDefinition): void {
    const source = this.#exchanges.get(definition.exchange);
    const target = this.#target(definition.destination, definition.durable);
    if (!source || !target || definition.exchange === defaultExchange) return;
    const identity = bindingKey(definition);
    // Bound again with another `durable`: the latest holds.
    this.#unbind(this.#bindings.get(identity));
    const { key, match } = definition;
    const binding = { definition, key, match, source, target };
    this.#bindings.set(identity, binding);
    this.#connect(binding);
  }

  #unbind(binding: RoutingBinding | undefined): void {
    if (!binding) return;
    this.#bindings.delete(bindingKey(binding.definition));
    const { source, target } = binding;
    source.outgoing.delete(binding);
    source.index?.remove(binding);
    if (target.type !== "channel") target.node.incoming.delete(binding);
  }

  #connect(binding: RoutingBinding): void {
    const { source, target } = binding;
    source.outgoing.add(binding);
    source.index?.add(binding);
    if (target.type !== "channel") target.node.incoming.add(binding);
  }

  /** undefined: it does not exist, or cannot be bound. */
  #target(destination: BindingDestination, durable: boolean): RoutingTarget | undefined {
    switch (destination.type) {
      case "queue": {
        const node = this.#queues.get(destination.name);
        return node && { type: "queue", node };
      }
      case "exchange": {
        if (destination.name === defaultExchange) return undefined;
        const node = this.#exchanges.get(destination.name);
        return node && { type: "exchange", node };
      }
      case "channel": {
        const parsed = parseChannelTemplate(destination.name, { value: this.#channelValue });
        const template = parsed.kind === "template" ? parsed.template : undefined;
        return { type: "channel", template, durable };
      }
    }
  }
}

/** What the default exchange has for every queue. */
function bindingByName(source: ExchangeNode, node: QueueNode): RoutingBinding {
  const { name } = node.definition;
  return {
    definition: {
      exchange: source.definition.name,
      key: name,
      match: undefined,
      destination: { type: "queue", name },
      durable: true,
    },
    key: name,
    match: undefined,
    source,
    target: { type: "queue", node },
  };
}

function definitionsOf(bindings: Iterable<RoutingBinding> = []): readonly BindingDefinition[] {
  return Array.from(bindings, ({ definition }) => definition);
}
