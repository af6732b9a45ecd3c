import { disconnects } from "@switchyard/protocol";
import { compileChannelPattern } from "../channels/channel-pattern.ts";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { ChannelName } from "../ids.ts";
import { hasPassed } from "./commands/subscribe.ts";
import type { Connection } from "./connection.ts";
import type { HubServices } from "./hub-services.ts";
import type {
  ConnectionDescription,
  NodeAnswer,
  NodeInfo,
  NodeRequest,
  UserOnline,
} from "./node-request.ts";
import { subscribeByServer } from "./subscribe-by-server.ts";

/** What `refresh` may set at most: a year ahead (server API 7.6). */
const maxExpirySeconds = 366 * 24 * 3600;

/** Answers what other nodes, and the server API on this one, ask about this node's connections. */
export class NodeRequestHandler {
  readonly #services: HubServices;
  readonly #startedAt: number;

  constructor(services: HubServices) {
    this.#services = services;
    this.#startedAt = services.clock.monotonic();
  }

  async answer(request: NodeRequest): Promise<NodeAnswer> {
    switch (request.type) {
      case "subscribe":
        return this.#forEach(request, (connection) => subscribeByServer(connection, request));
      case "unsubscribe":
        return this.#forEach(request, (connection) =>
          connection.serially(request.channel, async () =>
            connection.unsubscribe(request.channel, request.unsubscribe),
          ),
        );
      case "disconnect":
        return this.#forEach(request, async (connection) => {
          if (!request.spare.includes(connection.id)) connection.close(request.disconnect);
        });
      case "refresh":
        return this.#forEach(request, async (connection) => this.#refresh(connection, request));
      case "message":
        return this.#forEach(request, async (connection) =>
          connection.push({ type: "message", data: request.data }),
        );
      case "emulate":
        return this.#emulate(request.session, request.data);
      case "channels":
        return { type: "channels", channels: this.#channels(request.pattern) };
      case "connections":
        return {
          type: "connections",
          connections: this.#services.connections
            .select(request.target)
            .map((connection) => describe(connection)),
        };
      case "users":
        return { type: "users", users: this.#users(request.of) };
      case "info":
        return { type: "info", info: this.#info() };
    }
  }

  async #forEach(
    { target }: Extract<NodeRequest, { readonly target: unknown }>,
    act: (connection: Connection) => Promise<void>,
  ): Promise<NodeAnswer> {
    const connections = this.#services.connections.select(target);
    const outcomes = await Promise.allSettled(connections.map((connection) => act(connection)));
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    return {
      type: "done",
      connections: connections.length,
      error: failure && String(failure.reason),
    };
  }

  #emulate(session: string, data: string): NodeAnswer {
    const connection = this.#services.connections.bySession(session);
    connection?.receive(data);
    return { type: "done", connections: connection ? 1 : 0, error: undefined };
  }

  #refresh(
    connection: Connection,
    request: Extract<NodeRequest, { readonly type: "refresh" }>,
  ): void {
    if (request.expired || hasPassed(request.expireAt, connection)) {
      return connection.close(disconnects.connectionExpired);
    }
    if (request.expireAt === undefined)
      return connection.renew({ expireAt: undefined, info: undefined });
    const latest = this.#services.clock.now() / 1000 + maxExpirySeconds;
    const expireAt = Math.min(request.expireAt, latest);
    connection.renew({ expireAt, info: request.info });
    connection.push({ type: "refresh", ttlSeconds: connection.secondsUntil(expireAt) });
  }

  #channels(pattern: string): ReadonlyMap<ChannelName, number> {
    const matches = compileChannelPattern(pattern);
    if (!matches)
      throw new SwitchyardError("internal", {
        field: "pattern",
        detail: "the pattern is malformed",
      });
    const channels = new Map<ChannelName, number>();
    for (const channel of this.#services.channels.values()) {
      if (channel.size > 0 && (pattern === "" || matches(channel.name)))
        channels.set(channel.name, channel.size);
    }
    return channels;
  }

  #users(of: readonly string[] | "all"): ReadonlyMap<string, UserOnline> {
    const { connections } = this.#services;
    const entries =
      of === "all"
        ? connections.users()
        : of.map((user) => [user, connections.ofUser(user)] as const);
    const users = new Map<string, UserOnline>();
    for (const [user, own] of entries) {
      // No spread: one user, the anonymous one, may have more connections than a call may have arguments.
      let connected = 0;
      let sinceMs = Infinity;
      for (const connection of own) {
        if (!connection.connected) continue;
        connected += 1;
        sinceMs = Math.min(sinceMs, connection.openedAtMs);
      }
      if (connected > 0) users.set(user, { connections: connected, sinceMs });
    }
    return users;
  }

  #info(): NodeInfo {
    const { options, bus, connections, channels, clock } = this.#services;
    let subscriptions = 0;
    for (const channel of channels.values()) subscriptions += channel.size;
    return {
      uid: bus.nodes.self,
      name: options.nodeName,
      version: options.version,
      connections: connections.size,
      users: connections.userCount,
      channels: channels.size,
      subscriptions,
      uptimeSeconds: Math.floor((clock.monotonic() - this.#startedAt) / 1000),
    };
  }
}

function describe(connection: Connection): ConnectionDescription {
  const { identity } = connection;
  return {
    client: connection.id,
    user: connection.user,
    transport: connection.link.fanOut.transport,
    encoding: connection.codec.encoding,
    appName: identity?.appName ?? "",
    appVersion: identity?.appVersion ?? "",
    connectedAtMs: connection.openedAtMs,
    remoteAddress: connection.request.remoteAddress,
    channels: connection.subscriptions.values().map(({ terms }) => terms.channel),
    meta: identity?.meta,
  };
}
