import {
  type Disconnect,
  disconnects,
  type JsonText,
  type Unsubscribe,
  unsubscribes,
} from "@switchyard/protocol";
import { type ChannelAddress, parseChannel } from "../channels/channel-address.ts";
import { firstWithin } from "../channels/first-within.ts";
import { fitsFormat } from "../channels/publication-format.ts";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import { type ChannelName, channelName } from "../ids.ts";
import type { PresenceStats, Retention } from "../ports/bus.ts";
import type { HubServices } from "./hub-services.ts";
import type {
  ConnectionDescription,
  ConnectionSelector,
  NodeAnswer,
  NodeInfo,
  NodeRequest,
  UserOnline,
} from "./node-request.ts";
import type {
  DisconnectRequest,
  HistoryOperation,
  HistoryOutcome,
  PublishOutcome,
  PublishRequest,
  RefreshConnectionRequest,
  ServerOperations,
  SubscribeUserRequest,
} from "./server-operations.ts";

/** Characters of a channel's name and of an idempotency key. They are kept in memory, many of them. */
const maxNameLength = 4_096;
/** How long a repeat of an idempotency key is recognised (server API 7.1). */
const idempotencyWindowMs = 5 * 60_000;
/** Bytes of a history page: what an answer may cost the server in memory and a turn of its event loop. */
const historyPageBytes = 8 * 1024 * 1024;

/** The server API's operations on top of the bus: what they ask of connections goes to every node. */
export class HubOperations implements ServerOperations {
  readonly #services: HubServices;

  constructor(services: HubServices) {
    this.#services = services;
  }

  async publish(request: PublishRequest): Promise<PublishOutcome> {
    const { options } = this.#address(request.channel);
    if (!fitsFormat(request.data, options.publicationDataFormat)) {
      throw new SwitchyardError("badRequest", {
        field: "data",
        detail: `data must be ${options.publicationDataFormat}`,
      });
    }
    const { idempotencyKey: key } = request;
    if (key.length > maxNameLength) {
      throw new SwitchyardError("badRequest", {
        field: "idempotency_key",
        detail: `idempotency_key must have at most ${maxNameLength} characters`,
      });
    }
    const { position } = await this.#services.bus.channels.publish(
      channelName(request.channel),
      { data: request.data, info: undefined, tags: request.tags },
      {
        retention: request.skipHistory ? undefined : options.retention,
        idempotency: key === "" ? undefined : { key, windowMs: idempotencyWindowMs },
        version: request.version,
        versionEpoch: request.versionEpoch,
      },
    );
    this.#services.observer.publicationAccepted("api");
    return { position };
  }

  async subscribe(request: SubscribeUserRequest): Promise<void> {
    const { channel, expireAt, ...rest } = request;
    this.#address(channel);
    const order = {
      ...rest,
      channel: channelName(channel),
      expireAt: expireAt === 0 ? undefined : expireAt,
    };
    await this.#askAll({ type: "subscribe", ...order });
  }

  async unsubscribe(
    target: ConnectionSelector,
    channel: string,
    given: Unsubscribe = unsubscribes.server,
  ): Promise<void> {
    this.#address(channel);
    if (given.code < 2000 || given.code > 2999)
      throw new SwitchyardError("badRequest", {
        field: "code",
        detail: "code must be 2000 to 2999",
      });
    const request = { target, channel: channelName(channel), unsubscribe: given };
    await this.#askAll({ type: "unsubscribe", ...request });
  }

  async disconnect({ target, spare, disconnect }: DisconnectRequest): Promise<void> {
    const given: Disconnect =
      disconnect && disconnect.code !== 0 ? disconnect : disconnects.forceDisconnect;
    await this.#askAll({ type: "disconnect", target, spare, disconnect: given });
  }

  async refresh({ target, expired, expireAt, info }: RefreshConnectionRequest): Promise<void> {
    await this.#askAll({
      type: "refresh",
      target,
      expired,
      expireAt: expireAt === 0 ? undefined : expireAt,
      info,
    });
  }

  async send(target: ConnectionSelector, data: JsonText): Promise<number> {
    return this.#askAll({ type: "message", target, data });
  }

  async presence(channel: string): ReturnType<ServerOperations["presence"]> {
    return this.#services.bus.presence.members(this.#withPresence(channel));
  }

  async presenceStats(channel: string): Promise<PresenceStats> {
    return this.#services.bus.presence.stats(this.#withPresence(channel));
  }

  async history({ channel, limit, since, reverse }: HistoryOperation): Promise<HistoryOutcome> {
    const retention = this.#retention(channel);
    if (reverse && since?.offset === 0) {
      throw new SwitchyardError("internal", {
        field: "since.offset",
        detail: "nothing comes before offset 0",
      });
    }
    const page = await this.#services.bus.channels.history(channelName(channel), {
      since,
      limit: limit < 0 ? "all" : limit,
      reverse,
      retention,
    });
    if (since && since.epoch !== "" && since.epoch !== page.top.epoch)
      throw new SwitchyardError("unrecoverablePosition");
    return { ...page, publications: firstWithin(historyPageBytes, page.publications) };
  }

  async removeHistory(channel: string): Promise<void> {
    this.#retention(channel);
    await this.#services.bus.channels.removeHistory(channelName(channel));
  }

  async channels(pattern: string): Promise<ReadonlyMap<string, number>> {
    const channels = new Map<string, number>();
    for (const answer of await this.#ask({ type: "channels", pattern })) {
      if (answer.type !== "channels") continue;
      for (const [name, size] of answer.channels)
        channels.set(name, (channels.get(name) ?? 0) + size);
    }
    return channels;
  }

  async info(): Promise<readonly NodeInfo[]> {
    const answers = await this.#ask({ type: "info" });
    return answers.flatMap((answer) => (answer.type === "info" ? [answer.info] : []));
  }

  async rpc(method: string, params: JsonText | undefined): Promise<JsonText | undefined> {
    if (method === "") throw new SwitchyardError("badRequest", { field: "method" });
    const found = this.#services.methods.server.get(method);
    if (!found) throw new SwitchyardError("methodNotFound", { field: "method" });
    return found(params);
  }

  async connections(target: ConnectionSelector): Promise<readonly ConnectionDescription[]> {
    const answers = await this.#ask({ type: "connections", target });
    return answers.flatMap((answer) => (answer.type === "connections" ? answer.connections : []));
  }

  async usersOnline(of: readonly string[] | "all"): Promise<ReadonlyMap<string, UserOnline>> {
    const users = new Map<string, UserOnline>();
    for (const answer of await this.#ask({ type: "users", of })) {
      if (answer.type !== "users") continue;
      for (const [user, online] of answer.users) users.set(user, merged(users.get(user), online));
    }
    return users;
  }

  async #askAll(request: NodeRequest): Promise<number> {
    let connections = 0;
    for (const answer of await this.#ask(request)) {
      if (answer.type !== "done") continue;
      connections += answer.connections;
      if (answer.error !== undefined)
        throw new SwitchyardError("internal", { cause: answer.error });
    }
    return connections;
  }

  #ask(request: NodeRequest): Promise<readonly NodeAnswer[]> {
    return this.#services.bus.nodes.ask("all", request, {
      timeoutMs: this.#services.options.limits.busTimeoutMs,
    });
  }

  #address(channel: string): ChannelAddress {
    if (channel === "")
      throw new SwitchyardError("badRequest", {
        field: "channel",
        detail: "channel must not be empty",
      });
    if (channel.length > maxNameLength) {
      throw new SwitchyardError("badRequest", {
        field: "channel",
        detail: `channel must have at most ${maxNameLength} characters`,
      });
    }
    const address = parseChannel(channel, this.#services.options.channels);
    if (!address) throw new SwitchyardError("unknownChannel", { field: "channel" });
    return address;
  }

  #withPresence(channel: string): ChannelName {
    if (!this.#address(channel).options.presence)
      throw new SwitchyardError("notAvailable", { field: "channel" });
    return channelName(channel);
  }

  #retention(channel: string): Retention {
    const { retention } = this.#address(channel).options;
    if (!retention) throw new SwitchyardError("notAvailable", { field: "channel" });
    return retention;
  }
}

function merged(known: UserOnline | undefined, more: UserOnline): UserOnline {
  if (!known) return more;
  return {
    connections: known.connections + more.connections,
    sinceMs: Math.min(known.sinceMs, more.sinceMs),
  };
}
