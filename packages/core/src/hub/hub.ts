import { type Codec, disconnects } from "@switchyard/protocol";
import { ChannelRegistry } from "../channels/channel-registry.ts";
import type { Publication } from "../channels/publication.ts";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import { type ChannelName, nodeId } from "../ids.ts";
import type { Authenticator } from "../ports/authenticator.ts";
import type { Bus, BusEvents, PresenceChange } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Link } from "../ports/fan-out.ts";
import type { HubObserver } from "../ports/hub-observer.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { Connection } from "./connection.ts";
import { ConnectionRegistry } from "./connection-registry.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";
import type { ClientConnection, ConnectionRequest, HubEdge } from "./hub-edge.ts";
import type { HubOptions } from "./hub-options.ts";
import type { HubServices } from "./hub-services.ts";
import { MethodRegistry } from "./method-registry.ts";
import type { NodeAnswer, NodeRequest } from "./node-request.ts";
import { NodeRequestHandler } from "./node-request-handler.ts";

export interface HubParts {
  readonly bus: Bus;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly observer: HubObserver;
  readonly options: HubOptions;
}

export interface DrainOptions {
  /** Clients are told to reconnect spread over this window, so that they do not come back all at once. */
  readonly spreadMs: number;
}

/** Positions are looked at this often; each channel at most once per `positionCheckMs`. */
const positionSweepMs = 1000;
const drainStepMs = 20;

/** The connections and channels of one node. Edges open connections, the bus brings what happened elsewhere. */
export class Hub implements HubEdge {
  readonly methods = new MethodRegistry();
  readonly services: HubServices;
  readonly #requests: NodeRequestHandler;
  #accepting = false;
  #sweep: Timer | undefined;

  constructor(parts: HubParts) {
    const { options, bus, clock, observer, log } = parts;
    const channels = new ChannelRegistry({
      bus: bus.channels,
      clock,
      observer,
      log,
      maxRecoveredPublications: options.limits.recoveryPublications,
      maxRecoveredBytes: options.limits.queueBytes / 2,
      maxPublicationBytes: (options.limits.queueBytes * 7) / 8,
      sendTime: options.client.sendTime,
    });
    const wheel = new DeadlineWheel(clock);
    this.services = {
      ...parts,
      methods: this.methods,
      channels,
      connections: new ConnectionRegistry(),
      wheel,
    };
    this.#requests = new NodeRequestHandler(this.services);
  }

  get accepting(): boolean {
    return this.#accepting;
  }

  /** Starts the bus with this hub as its listener. */
  async start(): Promise<void> {
    await this.services.bus.start(this.#events());
    this.services.wheel.start();
    this.#sweepPositions();
    this.#accepting = true;
  }

  open(link: Link, codec: Codec, request: ConnectionRequest): ClientConnection {
    const { connections, observer, log, options } = this.services;
    const connection = new Connection(link, codec, request, this.services);
    connections.add(connection);
    observer.connectionOpened(link.fanOut.transport);
    log.debug(
      { client: connection.id, requestId: request.requestId, transport: link.fanOut.transport },
      "connection opened",
    );
    if (!this.#accepting) connection.close(disconnects.shutdown);
    else if (options.limits.connections > 0 && connections.size > options.limits.connections) {
      connection.close(disconnects.connectionLimit);
    }
    return connection;
  }

  async emulate(node: string, session: string, data: string): Promise<"accepted" | "unknown"> {
    if (node === "" || session === "") return "unknown";
    try {
      const options = { timeoutMs: this.services.options.limits.busTimeoutMs };
      const [answer] = await this.services.bus.nodes.ask(
        nodeId(node),
        { type: "emulate", session, data },
        options,
      );
      return answer?.type === "done" && answer.connections > 0 ? "accepted" : "unknown";
    } catch (error) {
      if (error instanceof SwitchyardError && error.kind === "nodeUnknown") return "unknown";
      throw error;
    }
  }

  /** Takes no new connections and tells the open ones to go elsewhere, at an even rate. Fulfils when none is left. */
  async drain({ spreadMs }: DrainOptions): Promise<void> {
    this.#accepting = false;
    const { clock, connections, random } = this.services;
    const open = shuffled([...connections.all()], () => random.next());
    const startedAt = clock.monotonic();
    const total = open.length;
    while (open.length > 0) {
      const elapsed = clock.monotonic() - startedAt;
      const keep = spreadMs > 0 ? Math.floor(total * Math.max(0, 1 - elapsed / spreadMs)) : 0;
      while (open.length > keep) open.pop()?.close(disconnects.shutdown);
      if (open.length > 0) await pause(clock, drainStepMs);
    }
    // Whoever slipped in between the switch and the loop.
    for (const connection of [...connections.all()]) connection.close(disconnects.shutdown);
  }

  stop(): void {
    this.#accepting = false;
    this.services.wheel.stop();
    this.#sweep?.cancel();
  }

  #events(): BusEvents {
    const { channels } = this.services;
    return {
      publication: (channel: ChannelName, publication: Publication, epoch: string): void =>
        channels.find(channel)?.receive(publication, epoch),
      presence: (channel: ChannelName, change: PresenceChange): void =>
        channels.find(channel)?.receivePresence(change),
      request: (request: NodeRequest): Promise<NodeAnswer> => this.#requests.answer(request),
    };
  }

  #sweepPositions(): void {
    this.#sweep = this.services.clock.after(positionSweepMs, () => {
      const { channels, options, log } = this.services;
      const idleMs = options.client.positionCheckMs;
      for (const channel of channels.values()) {
        if (!channel.isPositionDue(idleMs)) continue;
        channel.checkPosition(idleMs).catch((error: unknown) => {
          log.warn({ channel: channel.name, err: error }, "could not check a channel's position");
        });
      }
      this.#sweepPositions();
    });
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

function shuffled<Item>(items: Item[], random: () => number): Item[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    const [a, b] = [items[at], items[other]];
    if (a !== undefined && b !== undefined) [items[at], items[other]] = [b, a];
  }
  return items;
}
