import {
  type Bus,
  type BusEvents,
  type ChannelBus,
  type NodeBus,
  type PresenceBus,
  SwitchyardError,
} from "@switchyard/core";

export type BusOperation =
  | "publish"
  | "announce"
  | "subscribe"
  | "unsubscribe"
  | "history"
  | "removeHistory"
  | "presence.add"
  | "presence.remove"
  | "presence.members"
  | "presence.stats"
  | "ask";

/** `bus` whose operations a test can make fail or wait, and through which it can deliver what no bus would. */
export interface FaultyBus extends Bus {
  /** From now on these reject with `busUnavailable` before they take effect. */
  fail(...operations: readonly BusOperation[]): void;
  /** None fails any more. */
  heal(): void;
  /** From now on calls of `operation` wait; the function that is returned lets them go on, and those after them. */
  hold(operation: BusOperation): () => void;
  /** Calls of `operation` so far, failed and waiting ones included. */
  calls(operation: BusOperation): number;
  /** What the bus tells its listener. Throws before `start`. */
  readonly events: BusEvents;
}

export function withFaults(bus: Bus): FaultyBus {
  const failing = new Set<BusOperation>();
  const holds = new Map<BusOperation, Promise<void>>();
  const calls = new Map<BusOperation, number>();
  let events: BusEvents | undefined;

  const through = async <Result>(
    operation: BusOperation,
    run: () => Promise<Result>,
  ): Promise<Result> => {
    calls.set(operation, (calls.get(operation) ?? 0) + 1);
    const hold = holds.get(operation);
    if (hold) await hold;
    if (failing.has(operation)) throw new SwitchyardError("busUnavailable");
    return run();
  };
  const channels: ChannelBus = {
    publish: (...args) => through("publish", () => bus.channels.publish(...args)),
    announce: (...args) => through("announce", () => bus.channels.announce(...args)),
    subscribe: (...args) => through("subscribe", () => bus.channels.subscribe(...args)),
    unsubscribe: (...args) => through("unsubscribe", () => bus.channels.unsubscribe(...args)),
    history: (...args) => through("history", () => bus.channels.history(...args)),
    removeHistory: (...args) => through("removeHistory", () => bus.channels.removeHistory(...args)),
  };
  const presence: PresenceBus = {
    add: (...args) => through("presence.add", () => bus.presence.add(...args)),
    remove: (...args) => through("presence.remove", () => bus.presence.remove(...args)),
    members: (...args) => through("presence.members", () => bus.presence.members(...args)),
    stats: (...args) => through("presence.stats", () => bus.presence.stats(...args)),
  };
  const nodes: NodeBus = {
    self: bus.nodes.self,
    ask: (...args) => through("ask", () => bus.nodes.ask(...args)),
  };
  return {
    name: bus.name,
    channels,
    presence,
    nodes,
    start(given) {
      events = given;
      return bus.start(given);
    },
    drain: () => bus.drain(),
    stop: () => bus.stop(),
    check: (timeoutMs) => bus.check(timeoutMs),
    fail: (...operations) => {
      for (const operation of operations) failing.add(operation);
    },
    heal: () => failing.clear(),
    hold(operation) {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(operation, promise);
      return () => {
        if (holds.get(operation) === promise) holds.delete(operation);
        resolve();
      };
    },
    calls: (operation) => calls.get(operation) ?? 0,
    get events() {
      if (!events) throw new Error("the bus has not been started");
      return events;
    },
  };
}
