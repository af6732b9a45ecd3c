import type { ConnectionId } from "../ids.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionSelector } from "./node-request.ts";

/** The connections of this node: all that are open by id, those that have completed connect by user too. */
export class ConnectionRegistry {
  readonly #open = new Map<ConnectionId, Connection>();
  /** Short arrays: most users have one to three connections, and an array of one is a tenth of a set. */
  readonly #byUser = new Map<string, Connection[]>();
  readonly #bySession = new Map<string, Connection>();

  get size(): number {
    return this.#open.size;
  }

  get userCount(): number {
    return this.#byUser.size;
  }

  add(connection: Connection): void {
    this.#open.set(connection.id, connection);
    if (connection.session !== "") this.#bySession.set(connection.session, connection);
  }

  /** The connection has become `connection.user`'s. */
  identify(connection: Connection): void {
    const known = this.#byUser.get(connection.user);
    if (known) known.push(connection);
    else this.#byUser.set(connection.user, [connection]);
  }

  remove(connection: Connection): void {
    this.#open.delete(connection.id);
    if (connection.session !== "") this.#bySession.delete(connection.session);
    this.disown(connection);
  }

  /** The connection is its user's no longer, such as when its connect was refused in the end. Idempotent. */
  disown(connection: Connection): void {
    const ofUser = this.#byUser.get(connection.user);
    const at = ofUser?.indexOf(connection) ?? -1;
    if (!ofUser || at === -1) return;
    if (ofUser.length === 1) this.#byUser.delete(connection.user);
    else ofUser.splice(at, 1);
  }

  bySession(session: string): Connection | undefined {
    return this.#bySession.get(session);
  }

  ofUser(user: string): readonly Connection[] {
    return this.#byUser.get(user) ?? [];
  }

  users(): IterableIterator<[string, readonly Connection[]]> {
    return this.#byUser.entries();
  }

  all(): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** Connections that have completed connect and that `selector` means; a copy, safe to close them from. */
  select(selector: ConnectionSelector): Connection[] {
    if (selector.kind === "all")
      return [...this.#open.values()].filter(({ connected }) => connected);
    if (selector.kind === "client") {
      // A string that is no connection's id finds nothing.
      const connection = this.#open.get(selector.client as ConnectionId);
      return connection?.connected ? [connection] : [];
    }
    return this.ofUser(selector.user).filter(
      ({ id, session, connected }) =>
        connected &&
        (selector.client === "" || id === selector.client) &&
        (selector.session === "" || session === selector.session),
    );
  }
}
