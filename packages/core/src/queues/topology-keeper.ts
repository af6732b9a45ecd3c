import { SwitchyardError } from "../errors/switchyard-error.ts";
import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
  TopologyStore,
} from "../ports/topology-store.ts";
import {
  builtInExchanges,
  defaultExchange,
  isBuiltInExchange,
} from "../routing/built-in-exchanges.ts";
import { parseChannelTemplate } from "../routing/channel-template.ts";
import { bindingKey, differingMembers } from "../routing/definitions.ts";
import { exchangeTypes } from "../routing/exchange-types.ts";
import { checkName } from "../routing/names.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import type { TopologyDocument, TopologyImport } from "./broker-operations.ts";
import { channelQueue, isBuiltInQueue } from "./built-in-queues.ts";

/** Server-named queues of one connection. */
export const generatedQueuePrefix = "switchyard.gen-";

interface TopologyKeeperOptions {
  readonly store: TopologyStore;
  readonly routing: RoutingTable;
  /** Before the queue can be routed to. */
  readonly queueDeclared: (queue: QueueDefinition) => Promise<void>;
  /** After nothing is routed to it any more, before the store forgets it. */
  readonly queueDeleted: (name: string) => Promise<void>;
  /** Throws when this node may not change anything any more. */
  readonly requireCurrent: () => void;
  /** As `requireCurrent`, but asks the store: before what cannot be undone. */
  readonly confirmCurrent: () => Promise<void>;
  /** Before the store is asked again. */
  readonly pause: (attempt: number) => Promise<void>;
}

/** Checks declarations, and changes store and memory together, one change after the other. */
export class TopologyKeeper {
  readonly #options: TopologyKeeperOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** Queues that are gone here, and will be gone in the store. */
  readonly #doomed = new Set<string>();
  #stopped = false;

  constructor(options: TopologyKeeperOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const { store, routing } = this.#options;
    for (const exchange of builtInExchanges) {
      if (exchange.name !== defaultExchange) await store.declareExchange(exchange);
    }
    routing.load(await store.load());
  }

  /** What the store has not been told yet, it is not told any more. */
  stop(): void {
    this.#stopped = true;
  }

  declareExchange(exchange: ExchangeDefinition): Promise<boolean> {
    checkExchange(exchange);
    return this.#inTurn(() => this.#declareExchange(exchange));
  }

  declareQueue(queue: QueueDefinition): Promise<boolean> {
    checkQueue(queue);
    return this.#inTurn(() => this.#declareQueue(queue));
  }

  deleteExchange(name: string, ifUnused: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const { store, routing } = this.#options;
      if (isBuiltInExchange(name)) throw reserved("exchange", name);
      if (!routing.exchange(name)) throw missing("exchange", name);
      const bindings = routing.bindingsFrom(name).length;
      if (ifUnused && bindings > 0) {
        const detail = `The exchange ${JSON.stringify(name)} has ${bindings} bindings.`;
        throw new SwitchyardError("preconditionFailed", { detail, field: "if_unused" });
      }
      await store.deleteExchange(name);
      routing.apply({ type: "exchangeDeleted", name });
    });
  }

  /**
   * `mayGo` is asked when nothing can come in between; it may throw. A deletion that has begun is not taken back: when
   * the store is away it goes on in the background, while the caller gets `storeUnavailable`.
   */
  deleteQueue(name: string, mayGo: () => boolean): Promise<void> {
    return this.#inTurn(async () => {
      const { store, routing, queueDeleted, confirmCurrent } = this.#options;
      if (isBuiltInQueue(name)) throw reserved("queue", name);
      if (!routing.queue(name)) throw missing("queue", name);
      if (!mayGo()) return;
      routing.apply({ type: "queueDeleted", name });
      this.#doomed.add(name);
      try {
        await queueDeleted(name);
        await confirmCurrent();
        await store.deleteQueue(name);
        this.#doomed.delete(name);
      } catch (error) {
        void this.#deleteLater(name);
        throw error;
      }
    });
  }

  bind(binding: BindingDefinition): Promise<boolean> {
    this.#checkBinding(binding);
    return this.#inTurn(() => this.#bind(binding));
  }

  unbind(binding: BindingDefinition): Promise<void> {
    return this.#inTurn(async () => {
      const { store, routing } = this.#options;
      const known = routing.binding(binding);
      if (!known) {
        throw new SwitchyardError("notFound", { detail: "There is no such binding." });
      }
      await store.unbind(known);
      routing.apply({ type: "unbound", binding: known });
    });
  }

  export(): TopologyDocument {
    const { routing } = this.#options;
    const queues = routing.queues().filter((queue) => isExported(queue));
    const names = new Set(queues.map(({ name }) => name));
    return {
      exchanges: routing.exchanges().filter(({ name }) => !isBuiltInExchange(name)),
      queues,
      bindings: routing
        .bindings()
        .filter(({ destination: { type, name } }) => type !== "queue" || names.has(name)),
    };
  }

  import(topology: TopologyDocument): Promise<TopologyImport> {
    for (const exchange of topology.exchanges) checkExchange(exchange);
    for (const queue of topology.queues) checkQueue(queue);
    return this.#inTurn(async () => {
      this.#checkImport(topology);
      let [exchanges, queues, bindings] = [0, 0, 0];
      for (const exchange of topology.exchanges)
        exchanges += Number(await this.#declareExchange(exchange));
      for (const queue of topology.queues) queues += Number(await this.#declareQueue(queue));
      for (const binding of topology.bindings) bindings += Number(await this.#bind(binding));
      return { exchanges, queues, bindings };
    });
  }

  async #deleteLater(name: string): Promise<void> {
    for (let attempt = 1; !this.#stopped; attempt += 1) {
      await this.#options.pause(attempt);
      try {
        await this.#options.confirmCurrent();
        await this.#options.store.deleteQueue(name);
        this.#doomed.delete(name);
        return;
      } catch {
        // Its caller has been told; the queue is gone here.
      }
    }
  }

  /** All that differs at once, before anything is changed; from what is there, or within the document. */
  #checkImport({ exchanges, queues, bindings }: TopologyDocument): void {
    const { routing } = this.#options;
    const mismatches: string[] = [];
    const newExchanges = new Map<string, ExchangeDefinition>();
    for (const exchange of exchanges) {
      const known = routing.exchange(exchange.name) ?? newExchanges.get(exchange.name);
      const members = known ? differingMembers(known, exchange) : [];
      if (members.length > 0) mismatches.push(mismatch("exchange", exchange.name, members));
      newExchanges.set(exchange.name, exchange);
    }
    const newQueues = new Map<string, QueueDefinition>();
    for (const queue of queues) {
      const known = routing.queue(queue.name) ?? newQueues.get(queue.name);
      const members = known ? differingMembers(known, queue) : [];
      if (members.length > 0) mismatches.push(mismatch("queue", queue.name, members));
      newQueues.set(queue.name, queue);
    }
    const newBindings = new Map<string, BindingDefinition>();
    for (const binding of bindings) {
      const known = routing.binding(binding) ?? newBindings.get(bindingKey(binding));
      if (known && known.durable !== binding.durable) {
        const { exchange, destination } = binding;
        const ends = `${JSON.stringify(exchange)} to the ${destination.type} ${JSON.stringify(destination.name)}`;
        mismatches.push(`The binding of ${ends} exists with other properties: durable.`);
      }
      newBindings.set(bindingKey(binding), binding);
    }
    if (mismatches.length > 0)
      throw new SwitchyardError("preconditionFailed", { detail: mismatches.join(" ") });
    const exchangeNames = new Set([...exchanges, ...routing.exchanges()].map(({ name }) => name));
    const queueNames = new Set([...queues, ...routing.queues()].map(({ name }) => name));
    for (const binding of bindings) {
      const { exchange, destination } = binding;
      if (!exchangeNames.has(exchange)) throw missing("exchange", exchange);
      if (destination.type === "exchange" && !exchangeNames.has(destination.name))
        throw missing("exchange", destination.name);
      if (destination.type === "queue" && !queueNames.has(destination.name))
        throw missing("queue", destination.name);
      this.#checkBindingItself(binding);
    }
  }

  async #declareExchange(exchange: ExchangeDefinition): Promise<boolean> {
    const { store, routing } = this.#options;
    const outcome = await store.declareExchange(exchange);
    if (outcome.kind === "mismatch")
      throw new SwitchyardError("preconditionFailed", {
        detail: mismatch("exchange", exchange.name, outcome.members),
        ...fieldOf(outcome.members),
      });
    routing.apply({ type: "exchangeDeclared", exchange });
    return outcome.kind === "declared";
  }

  async #declareQueue(queue: QueueDefinition): Promise<boolean> {
    const { store, routing, queueDeclared } = this.#options;
    if (this.#doomed.has(queue.name)) {
      const detail = `The queue ${JSON.stringify(queue.name)} is being deleted.`;
      throw new SwitchyardError("storeUnavailable", { detail });
    }
    const outcome = await store.declareQueue(queue);
    if (outcome.kind === "mismatch") {
      if (outcome.members.includes("exclusiveTo")) {
        const detail = `The queue ${JSON.stringify(queue.name)} belongs to another connection, or to none.`;
        throw new SwitchyardError("resourceLocked", { detail, field: "exclusive" });
      }
      throw new SwitchyardError("preconditionFailed", {
        detail: mismatch("queue", queue.name, outcome.members),
        ...fieldOf(outcome.members),
      });
    }
    await queueDeclared(queue);
    routing.apply({ type: "queueDeclared", queue });
    return outcome.kind === "declared";
  }

  async #bind(binding: BindingDefinition): Promise<boolean> {
    const { store, routing } = this.#options;
    const known = routing.binding(binding);
    if (known && known.durable !== binding.durable) {
      const detail = 'The binding exists with another "durable"; delete it first.';
      throw new SwitchyardError("preconditionFailed", { detail, field: "durable" });
    }
    const outcome = await store.bind(binding);
    if (outcome.kind === "missing") throw missing(outcome.what, outcome.name);
    routing.apply({ type: "bound", binding });
    return outcome.kind === "bound";
  }

  #checkBinding(binding: BindingDefinition): void {
    const { routing } = this.#options;
    const { exchange, destination } = binding;
    if (!routing.exchange(exchange)) throw missing("exchange", exchange);
    if (destination.type === "queue" && !routing.queue(destination.name))
      throw missing("queue", destination.name);
    if (destination.type === "exchange" && !routing.exchange(destination.name))
      throw missing("exchange", destination.name);
    this.#checkBindingItself(binding);
  }

  #checkBindingItself({ exchange, destination }: BindingDefinition): void {
    if (exchange === defaultExchange) throw reserved("exchange", exchange);
    if (destination.type === "exchange" && destination.name === defaultExchange)
      throw reserved("exchange", destination.name);
    if (destination.type === "queue" && destination.name === channelQueue)
      throw reserved("queue", destination.name);
    if (destination.type !== "channel") return;
    const parsed = parseChannelTemplate(destination.name, { value: undefined });
    if (parsed.kind !== "template") {
      const detail = `destination.name is no channel template: ${parsed.message}`;
      throw new SwitchyardError("badRequest", { detail, field: "destination.name" });
    }
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const run = this.#last.then(() => {
      this.#options.requireCurrent();
      return change();
    });
    this.#last = run.catch(() => undefined);
    return run;
  }
}

function isExported(queue: QueueDefinition): boolean {
  return queue.exclusiveTo === undefined && !isBuiltInQueue(queue.name);
}

function checkExchange({ name, type }: ExchangeDefinition): void {
  if (isBuiltInExchange(name)) throw reserved("exchange", name);
  const wrong = checkName(name);
  if (wrong !== undefined) throw badName("exchange", wrong);
  if (exchangeTypes.has(type)) return;
  const detail = `type must be one of ${[...exchangeTypes.keys()].join(", ")}.`;
  throw new SwitchyardError("badRequest", { detail, field: "type" });
}

function checkQueue({ name, exclusiveTo }: QueueDefinition): void {
  const isGenerated = exclusiveTo !== undefined && name.startsWith(generatedQueuePrefix);
  if (isGenerated) return;
  if (isBuiltInQueue(name)) throw reserved("queue", name);
  const wrong = checkName(name);
  if (wrong !== undefined) throw badName("queue", wrong);
}

function badName(kind: "exchange" | "queue", wrong: string): SwitchyardError {
  return new SwitchyardError("badRequest", {
    detail: `The name of the ${kind} ${wrong}.`,
    field: "name",
  });
}

function reserved(kind: "exchange" | "queue", name: string): SwitchyardError {
  const detail = `The ${kind} ${JSON.stringify(name)} is built in, and stays as it is.`;
  return new SwitchyardError("badRequest", { detail, field: "name" });
}

function missing(kind: "exchange" | "queue", name: string): SwitchyardError {
  const detail = `There is no ${kind} ${JSON.stringify(name)}.`;
  return new SwitchyardError("notFound", { detail, field: kind });
}

function mismatch(kind: "exchange" | "queue", name: string, members: readonly string[]): string {
  const differ = members.map((member) => snakeCase(member)).join(", ");
  return `The ${kind} ${JSON.stringify(name)} exists with other properties: ${differ}.`;
}

function fieldOf(members: readonly string[]): { readonly field?: string } {
  const [first] = members;
  return first === undefined ? {} : { field: snakeCase(first) };
}

function snakeCase(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
