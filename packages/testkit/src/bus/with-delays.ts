import type {
  Bus,
  BusEvents,
  ChannelBus,
  ChannelName,
  NodeBus,
  PresenceBus,
} from "@switchyard/core";
import { type DelayOptions, Delays } from "./delays.ts";

/**
 * `bus` as if over a slow network: seeded delays before each call takes effect, before it settles, and before each
 * delivery, so that all that the port leaves unordered does come in other orders. Kept is what it promises: deliveries
 * of a channel in order, appends of a channel in the order of the calls, presence changes of one (channel, connection)
 * and announcements of one connection in order, nothing delivered after `unsubscribe` or `stop` have fulfilled.
 */
export function withDelays(bus: Bus, options: DelayOptions): Bus {
  const delays = new Delays(options);
  const subscriptions = new Subscriptions();
  return {
    name: bus.name,
    channels: delayedChannels(bus.channels, delays, subscriptions),
    presence: delayedPresence(bus.presence, delays),
    nodes: delayedNodes(bus.nodes, delays),
    start: (events) => delays.around(() => bus.start(delayedEvents(events, delays, subscriptions))),
    drain: () => delays.around(() => bus.drain()),
    async stop() {
      await delays.around(() => bus.stop());
      subscriptions.endAll();
    },
    check: (timeoutMs) => delays.around(() => bus.check(timeoutMs)),
  };
}

/** Tells deliveries that are still on their way when their subscription ends. */
class Subscriptions {
  readonly #ended = new Map<ChannelName, number>();
  #stopped = false;

  end(channel: ChannelName): void {
    this.#ended.set(channel, this.#generation(channel) + 1);
  }

  endAll(): void {
    this.#stopped = true;
  }

  /** A function that says whether what is delivered on `channel` now may still arrive later. */
  ticket(channel: ChannelName): () => boolean {
    const generation = this.#generation(channel);
    return () => !this.#stopped && generation === this.#generation(channel);
  }

  #generation(channel: ChannelName): number {
    return this.#ended.get(channel) ?? 0;
  }
}

function delayedEvents(events: BusEvents, delays: Delays, subscriptions: Subscriptions): BusEvents {
  const deliver = (lane: string, channel: ChannelName, run: () => void): void => {
    const mayArrive = subscriptions.ticket(channel);
    void delays.inLane(lane, () => {
      if (mayArrive()) run();
    });
  };
  return {
    publication(channel, publication, epoch) {
      deliver(`publication ${channel}`, channel, () =>
        events.publication(channel, publication, epoch),
      );
    },
    presence(channel, change) {
      deliver(`change ${change.info.client}`, channel, () => events.presence(channel, change));
    },
    request: (request) => delays.around(() => events.request(request)),
  };
}

function delayedChannels(
  channels: ChannelBus,
  delays: Delays,
  subscriptions: Subscriptions,
): ChannelBus {
  return {
    publish: (channel, publication, options) =>
      delays.aroundInLane(`publish ${channel}`, () =>
        channels.publish(channel, publication, options),
      ),
    announce: (channel, change) =>
      delays.aroundInLane(`announce ${change.info.client}`, () =>
        channels.announce(channel, change),
      ),
    subscribe: (channel) => delays.around(() => channels.subscribe(channel)),
    async unsubscribe(channel) {
      await delays.around(() => channels.unsubscribe(channel));
      subscriptions.end(channel);
    },
    history: (channel, query) => delays.around(() => channels.history(channel, query)),
    removeHistory: (channel) => delays.around(() => channels.removeHistory(channel)),
  };
}

function delayedPresence(presence: PresenceBus, delays: Delays): PresenceBus {
  const lane = (channel: string, connection: string): string => `presence ${connection} ${channel}`;
  return {
    add: (channel, connection, info) =>
      delays.aroundInLane(lane(channel, connection), () => presence.add(channel, connection, info)),
    remove: (channel, connection) =>
      delays.aroundInLane(lane(channel, connection), () => presence.remove(channel, connection)),
    members: (channel) => delays.around(() => presence.members(channel)),
    stats: (channel) => delays.around(() => presence.stats(channel)),
  };
}

function delayedNodes(nodes: NodeBus, delays: Delays): NodeBus {
  return {
    self: nodes.self,
    ask: (target, request, options) => delays.around(() => nodes.ask(target, request, options)),
  };
}
