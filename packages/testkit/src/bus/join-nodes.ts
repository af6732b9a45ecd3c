import {
  type Bus,
  type BusEvents,
  type ChannelBus,
  type ChannelName,
  type Clock,
  type ConnectionId,
  type NodeAnswer,
  type NodeBus,
  type NodeId,
  type NodeRequest,
  type PresenceBus,
  SwitchyardError,
} from "@switchyard/core";

export interface JoinOptions {
  /** For the timeouts of requests between nodes. */
  readonly clock: Clock;
  readonly nodes: readonly [NodeId, ...NodeId[]];
}

/**
 * Several nodes on one single-node bus, as if it joined them: for tests of what passes between nodes. `bus` itself is
 * started with the first node, and drained and stopped with the last.
 */
export function joinNodes(bus: Bus, { clock, nodes }: JoinOptions): readonly [Bus, ...Bus[]] {
  const [first, ...others] = nodes;
  const cluster = new Cluster(bus, clock, nodes.length);
  return [new JoinedNode(cluster, first), ...others.map((id) => new JoinedNode(cluster, id))];
}

class Cluster {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly live = new Map<NodeId, JoinedNode>();
  #undrained: number;
  #unstopped: number;
  #started: Promise<void> | undefined;

  constructor(bus: Bus, clock: Clock, size: number) {
    this.bus = bus;
    this.clock = clock;
    this.#undrained = size;
    this.#unstopped = size;
  }

  async enter(node: JoinedNode): Promise<void> {
    this.#started ??= this.bus.start({
      publication: (channel, publication, epoch) => {
        for (const each of this.live.values()) {
          each.tell(channel, (events) => events.publication(channel, publication, epoch));
        }
      },
      presence: (channel, change) => {
        for (const each of this.live.values()) {
          each.tell(channel, (events) => events.presence(channel, change));
        }
      },
      // Requests go from node to node, never through the bus.
      request: () => Promise.reject(new SwitchyardError("internal")),
    });
    await this.#started;
    this.live.set(node.nodes.self, node);
  }

  async drained(): Promise<void> {
    this.#undrained -= 1;
    if (this.#undrained === 0) await this.bus.drain();
  }

  async left(node: JoinedNode): Promise<void> {
    this.live.delete(node.nodes.self);
    this.#unstopped -= 1;
    if (this.#unstopped === 0) await this.bus.stop();
  }
}

class JoinedNode implements Bus {
  readonly name: Bus["name"];
  readonly channels: ChannelBus;
  readonly presence: PresenceBus;
  readonly nodes: NodeBus;
  readonly #cluster: Cluster;
  readonly #subscribed = new Set<ChannelName>();
  readonly #present = new Map<ChannelName, Set<ConnectionId>>();
  #events: BusEvents | undefined;
  #draining: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(cluster: Cluster, self: NodeId) {
    this.#cluster = cluster;
    this.name = cluster.bus.name;
    this.channels = this.#joinedChannels(cluster.bus.channels);
    this.presence = this.#joinedPresence(cluster.bus.presence);
    this.nodes = {
      self,
      ask: async (target, request, { timeoutMs }) => {
        this.#assertLive();
        const asked = target === "all" ? [...cluster.live.values()] : [cluster.live.get(target)];
        return await Promise.all(asked.map((node) => ask(node, request, cluster.clock, timeoutMs)));
      },
    };
  }

  async start(events: BusEvents): Promise<void> {
    await this.#cluster.enter(this);
    this.#events = events;
  }

  async drain(): Promise<void> {
    this.#draining ??= this.#cluster.drained();
    await this.#draining;
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#end();
    await this.#stopping;
  }

  async check(timeoutMs: number): Promise<void> {
    this.#assertLive();
    await this.#cluster.bus.check(timeoutMs);
  }

  tell(channel: ChannelName, run: (events: BusEvents) => void): void {
    if (this.#events !== undefined && this.#subscribed.has(channel)) run(this.#events);
  }

  answer(request: NodeRequest): Promise<NodeAnswer> {
    return this.#assertLive().request(request);
  }

  async #end(): Promise<void> {
    this.#events = undefined;
    await this.drain();
    for (const [channel, connections] of this.#present) {
      for (const connection of connections) {
        await this.#cluster.bus.presence.remove(channel, connection);
      }
    }
    await this.#cluster.left(this);
  }

  #assertLive(): BusEvents {
    if (this.#events === undefined) throw new SwitchyardError("busUnavailable");
    return this.#events;
  }

  #joinedChannels(channels: ChannelBus): ChannelBus {
    return {
      publish: async (channel, publication, options) => {
        this.#assertLive();
        if (this.#draining !== undefined) throw new SwitchyardError("busUnavailable");
        return await channels.publish(channel, publication, options);
      },
      announce: async (channel, change) => {
        this.#assertLive();
        await channels.announce(channel, change);
      },
      subscribe: async (channel) => {
        this.#assertLive();
        this.#subscribed.add(channel);
        await channels.subscribe(channel);
      },
      // The bus stays subscribed: another node may be subscribing at this moment.
      unsubscribe: async (channel) => void this.#subscribed.delete(channel),
      history: async (channel, query) => {
        this.#assertLive();
        return await channels.history(channel, query);
      },
      removeHistory: async (channel) => {
        this.#assertLive();
        await channels.removeHistory(channel);
      },
    };
  }

  #joinedPresence(presence: PresenceBus): PresenceBus {
    return {
      add: async (channel, connection, info) => {
        this.#assertLive();
        const connections = this.#present.get(channel) ?? new Set();
        this.#present.set(channel, connections.add(connection));
        await presence.add(channel, connection, info);
      },
      remove: async (channel, connection) => {
        this.#present.get(channel)?.delete(connection);
        if (this.#events !== undefined) await presence.remove(channel, connection);
      },
      members: async (channel) => {
        this.#assertLive();
        return await presence.members(channel);
      },
      stats: async (channel) => {
        this.#assertLive();
        return await presence.stats(channel);
      },
    };
  }
}

async function ask(
  node: JoinedNode | undefined,
  request: NodeRequest,
  clock: Clock,
  timeoutMs: number,
): Promise<NodeAnswer> {
  if (node === undefined) throw new SwitchyardError("nodeUnknown");
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () => {
    reject(new SwitchyardError("nodeUnavailable"));
  });
  try {
    return await Promise.race([node.answer(request), timeout]);
  } finally {
    timer.cancel();
  }
}
