import { isDeepStrictEqual } from "node:util";
import type {
  BindingDefinition,
  BindOutcome,
  DeclareOutcome,
  ExchangeDefinition,
  QueueDefinition,
  Topology,
  TopologyChange,
  TopologyStore,
} from "@switchyard/core";
import { bindingKey } from "../contracts/topology-replica.ts";
import type { InMemoryBrokerDatabase } from "./in-memory-broker-database.ts";

/** A `TopologyStore` in memory, for tests of what is built on one. */
export class InMemoryTopologyStore implements TopologyStore {
  readonly #database: InMemoryBrokerDatabase;

  constructor(database: InMemoryBrokerDatabase) {
    this.#database = database;
  }

  // Async without await, here and below: each operation is one turn.
  async load(): Promise<Topology> {
    this.#database.reach();
    const { version, exchanges, queues, bindings } = this.#database;
    return {
      version,
      exchanges: [...exchanges.values()],
      queues: [...queues.values()].map(({ definition }) => definition),
      bindings: [...bindings.values()],
    };
  }

  async changesSince(
    version: number,
  ): Promise<readonly (TopologyChange & { readonly version: number })[]> {
    this.#database.reach();
    return this.#database.changes.filter((change) => change.version > version);
  }

  async declareExchange(exchange: ExchangeDefinition): Promise<DeclareOutcome> {
    this.#database.reach();
    const former = this.#database.exchanges.get(exchange.name);
    if (former !== undefined) return this.#compare(former, exchange);
    const stored = structuredClone(exchange);
    this.#database.exchanges.set(exchange.name, stored);
    const version = this.#database.record({ type: "exchangeDeclared", exchange: stored });
    return { kind: "declared", version };
  }

  async declareQueue(queue: QueueDefinition): Promise<DeclareOutcome> {
    this.#database.reach();
    const former = this.#database.queues.get(queue.name);
    if (former !== undefined) return this.#compare(former.definition, queue);
    const stored = structuredClone(queue);
    this.#database.insertQueue(stored);
    const version = this.#database.record({ type: "queueDeclared", queue: stored });
    return { kind: "declared", version };
  }

  async deleteExchange(name: string): Promise<number | undefined> {
    this.#database.reach();
    if (!this.#database.exchanges.delete(name)) return undefined;
    this.#unbindAll(({ exchange, destination }) => {
      return exchange === name || (destination.type === "exchange" && destination.name === name);
    });
    return this.#database.record({ type: "exchangeDeleted", name });
  }

  async deleteQueue(name: string): Promise<number | undefined> {
    this.#database.reach();
    const row = this.#database.queues.get(name);
    if (row === undefined) return undefined;
    this.#database.deleteQueue(row);
    this.#unbindAll(({ destination }) => destination.type === "queue" && destination.name === name);
    return this.#database.record({ type: "queueDeleted", name });
  }

  async bind(binding: BindingDefinition): Promise<BindOutcome> {
    this.#database.reach();
    const { exchange, destination } = binding;
    if (!this.#database.exchanges.has(exchange))
      return { kind: "missing", what: "exchange", name: exchange };
    const { type, name } = destination;
    if (type === "queue" && !this.#database.queues.has(name))
      return { kind: "missing", what: "queue", name };
    if (type === "exchange" && !this.#database.exchanges.has(name))
      return { kind: "missing", what: "exchange", name };
    const key = bindingKey(binding);
    if (this.#database.bindings.has(key))
      return { kind: "unchanged", version: this.#database.version };
    const stored = structuredClone(binding);
    this.#database.bindings.set(key, stored);
    return {
      kind: "bound",
      version: this.#database.record({ type: "bound", binding: stored }),
    };
  }

  async unbind(binding: BindingDefinition): Promise<number | undefined> {
    this.#database.reach();
    const key = bindingKey(binding);
    const stored = this.#database.bindings.get(key);
    if (stored === undefined) return undefined;
    this.#database.bindings.delete(key);
    return this.#database.record({ type: "unbound", binding: stored });
  }

  #compare<Definition extends object>(former: Definition, given: Definition): DeclareOutcome {
    const members = differingMembers(former, given);
    return members.length === 0
      ? { kind: "unchanged", version: this.#database.version }
      : { kind: "mismatch", members };
  }

  #unbindAll(isGone: (binding: BindingDefinition) => boolean): void {
    for (const [key, binding] of this.#database.bindings)
      if (isGone(binding)) this.#database.bindings.delete(key);
  }
}

function differingMembers(former: object, given: object): readonly string[] {
  const values = new Map(Object.entries(former));
  return Object.entries(given)
    .filter(([member, value]) => !isDeepStrictEqual(values.get(member), value))
    .map(([member]) => member);
}
