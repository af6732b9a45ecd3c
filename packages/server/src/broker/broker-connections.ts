import {
  type BrokerOperations,
  type Caller,
  type Clock,
  type ConnectionId,
  type Log,
  SwitchyardError,
} from "@switchyard/core";
import { insist } from "../lifecycle/insist.ts";
import { BrokerConnection } from "./broker-connection.ts";

/** How long the end of an exclusive queue is tried again while the store is away. */
const patienceMs = 60_000;
/** Exclusive queues of one connection. */
const mostExclusiveQueues = 256;

interface BrokerConnectionsOptions {
  readonly broker: BrokerOperations;
  readonly clock: Clock;
  readonly log: Log;
}

/** The connections of this node that use the broker. Each is kept from its first call to its end. */
export class BrokerConnections {
  readonly #options: BrokerConnectionsOptions;
  readonly #connections = new Map<ConnectionId, BrokerConnection>();

  constructor(options: BrokerConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** To be called while a call starts, not after it has waited: the connection must not have ended. */
  of(caller: Caller): BrokerConnection {
    const known = this.#connections.get(caller.connection);
    if (known) return known;
    const connection = new BrokerConnection(caller);
    this.#connections.set(caller.connection, connection);
    caller.signal.addEventListener("abort", () => this.#ended(connection), { once: true });
    return connection;
  }

  find(caller: Caller): BrokerConnection | undefined {
    return this.#connections.get(caller.connection);
  }

  /** Whether `queue` is exclusive to the caller, or was and is gone. Not when another one has its name since. */
  owns(caller: Caller, queue: string): boolean {
    if (this.find(caller)?.exclusiveQueues.has(queue) !== true) return false;
    const { broker } = this.#options;
    try {
      return broker.queue(queue).exclusiveTo === caller.connection;
    } catch {
      return true; // the broker will say that it is gone
    }
  }

  /** Throws `resourceLocked` when `queue` is exclusive to another connection, and `notFound`. */
  refuseForeign(caller: Caller, queue: string): void {
    const { exclusiveTo } = this.#options.broker.queue(queue);
    if (exclusiveTo === undefined || exclusiveTo === caller.connection) return;
    throw new SwitchyardError("resourceLocked", {
      detail: `resource locked: queue ${JSON.stringify(queue)} is exclusive to another connection`,
    });
  }

  /** Throws `limitExceeded` when the connection may have no further exclusive queue. */
  admitExclusive({ exclusiveQueues }: BrokerConnection): void {
    if (exclusiveQueues.size < mostExclusiveQueues) return;
    // Those that have deleted themselves are still in the set.
    const existing = new Set(this.#options.broker.queues().map(({ name }) => name));
    for (const name of exclusiveQueues) if (!existing.has(name)) exclusiveQueues.delete(name);
    if (exclusiveQueues.size < mostExclusiveQueues) return;
    throw new SwitchyardError("limitExceeded", {
      detail: `limit exceeded: a connection has at most ${mostExclusiveQueues} exclusive queues`,
    });
  }

  /** `queue` is declared, and ends with the connection: at once when that has ended meanwhile. */
  own({ caller, exclusiveQueues }: BrokerConnection, queue: string): void {
    if (caller.signal.aborted) this.#delete(caller.connection, queue);
    else exclusiveQueues.add(queue);
  }

  #ended(connection: BrokerConnection): void {
    const { caller, exclusiveQueues } = connection;
    this.#connections.delete(caller.connection);
    connection.close();
    for (const queue of exclusiveQueues) this.#delete(caller.connection, queue);
  }

  #delete(connection: ConnectionId, queue: string): void {
    const { clock, log } = this.#options;
    insist(() => this.#deleteIfOwn(connection, queue), { clock, patienceMs }).catch(
      (error: unknown) => {
        log.warn({ client: connection, queue, err: error }, "could not delete an exclusive queue");
      },
    );
  }

  /** It may have deleted itself, and another connection may have declared the same name since. */
  async #deleteIfOwn(connection: ConnectionId, queue: string): Promise<void> {
    const { broker } = this.#options;
    try {
      await broker.deleteQueue(queue, { ifEmpty: false, ifUnused: false, owner: connection });
    } catch (error) {
      if (!(error instanceof SwitchyardError) || error.kind !== "notFound") throw error;
    }
  }
}
