import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
  Topology,
  TopologyChange,
  TopologyStore,
} from "@switchyard/core";

/** A topology that is kept by changes alone, as a node keeps it between loads. */
export class TopologyReplica {
  version: number;
  readonly #exchanges: Map<string, ExchangeDefinition>;
  readonly #queues: Map<string, QueueDefinition>;
  readonly #bindings: Map<string, BindingDefinition>;

  constructor({ version, exchanges, queues, bindings }: Topology) {
    this.version = version;
    this.#exchanges = new Map(exchanges.map((exchange) => [exchange.name, exchange]));
    this.#queues = new Map(queues.map((queue) => [queue.name, queue]));
    this.#bindings = new Map(bindings.map((binding) => [bindingKey(binding), binding]));
  }

  /** Applies all changes above the own version. Throws when one is below the one before. */
  async follow(store: TopologyStore): Promise<void> {
    for (const { version, ...change } of await store.changesSince(this.version)) {
      if (version < this.version || !Number.isSafeInteger(version))
        throw new Error(`version ${version} came after ${this.version}`);
      this.version = version;
      this.#apply(change);
    }
  }

  /** Everything but the version, sorted. */
  contents(): Omit<Topology, "version"> {
    return topologyContents({
      exchanges: [...this.#exchanges.values()],
      queues: [...this.#queues.values()],
      bindings: [...this.#bindings.values()],
    });
  }

  #apply(change: TopologyChange): void {
    switch (change.type) {
      case "exchangeDeclared":
        this.#exchanges.set(change.exchange.name, change.exchange);
        break;
      case "exchangeDeleted":
        this.#exchanges.delete(change.name);
        this.#unbindAll(
          ({ exchange, destination }) =>
            exchange === change.name ||
            (destination.type === "exchange" && destination.name === change.name),
        );
        break;
      case "queueDeclared":
        this.#queues.set(change.queue.name, change.queue);
        break;
      case "queueDeleted":
        this.#queues.delete(change.name);
        this.#unbindAll(
          ({ destination }) => destination.type === "queue" && destination.name === change.name,
        );
        break;
      case "bound":
        this.#bindings.set(bindingKey(change.binding), change.binding);
        break;
      case "unbound":
        this.#bindings.delete(bindingKey(change.binding));
        break;
    }
  }

  #unbindAll(isGone: (binding: BindingDefinition) => boolean): void {
    for (const [key, binding] of this.#bindings) if (isGone(binding)) this.#bindings.delete(key);
  }
}

/** Everything but the version, sorted, for comparison. */
export function topologyContents({
  exchanges,
  queues,
  bindings,
}: Omit<Topology, "version">): Omit<Topology, "version"> {
  return {
    exchanges: exchanges.toSorted((left, right) => compare(left.name, right.name)),
    queues: queues.toSorted((left, right) => compare(left.name, right.name)),
    bindings: bindings.toSorted((left, right) => compare(bindingKey(left), bindingKey(right))),
  };
}

/** What makes two bindings the same, as one string. */
export function bindingKey({ exchange, key, match, destination }: BindingDefinition): string {
  const headers = Object.entries(match?.headers ?? {}).toSorted(([left], [right]) =>
    compare(left, right),
  );
  return JSON.stringify([
    ...[exchange, key, destination.type, destination.name],
    match === undefined ? null : [match.mode, headers],
  ]);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
