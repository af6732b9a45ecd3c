import type { ClientInfo } from "../channels/publication.ts";
import type { ChannelName, ConnectionId } from "../ids.ts";
import type { PresenceBus, PresenceStats } from "../ports/bus.ts";
import type { MemoryLifecycle } from "./memory-lifecycle.ts";
import { SmallMap } from "./small-map.ts";

/** Presence of one process: entries need no lease, they end with it. */
export class MemoryPresence implements PresenceBus {
  readonly #lifecycle: MemoryLifecycle;
  readonly #channels = new Map<ChannelName, SmallMap<ConnectionId, ClientInfo>>();
  #entries = 0;

  constructor(lifecycle: MemoryLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** (channel, connection) pairs. */
  get entries(): number {
    return this.#entries;
  }

  async add(channel: ChannelName, connection: ConnectionId, info: ClientInfo): Promise<void> {
    this.#lifecycle.started();
    let members = this.#channels.get(channel);
    if (members === undefined) {
      members = new SmallMap();
      this.#channels.set(channel, members);
    }
    const before = members.size;
    members.set(connection, info);
    this.#entries += members.size - before;
  }

  async remove(channel: ChannelName, connection: ConnectionId): Promise<void> {
    const members = this.#channels.get(channel);
    if (members?.delete(connection) !== true) return;
    this.#entries -= 1;
    if (members.size === 0) this.#channels.delete(channel);
  }

  async members(channel: ChannelName): Promise<ReadonlyMap<ConnectionId, ClientInfo>> {
    this.#lifecycle.started();
    return new Map(this.#channels.get(channel)?.entries());
  }

  async stats(channel: ChannelName): Promise<PresenceStats> {
    this.#lifecycle.started();
    const members = this.#channels.get(channel);
    if (members === undefined) return { connections: 0, users: 0 };
    const users = new Set<string>();
    for (const [, { user }] of members.entries()) users.add(user);
    return { connections: members.size, users: users.size };
  }

  clear(): void {
    this.#channels.clear();
    this.#entries = 0;
  }
}
