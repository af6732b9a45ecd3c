import { disconnects, unsubscribes } from "@switchyard/protocol";
import type { Connection } from "./connection.ts";
import type { Deadlined } from "./deadline-wheel.ts";

const never = Number.POSITIVE_INFINITY;

/**
 * What must happen to a connection in time: connect, pings and their pongs, expiry of its token and of its
 * subscriptions' tokens. One entry in the node's wheel, filed under the earliest. All in monotonic ms.
 */
export class ConnectionDeadlines implements Deadlined {
  wheelTick = -1;
  readonly #connection: Connection;
  #connectBy: number;
  #pingAt = never;
  #pongBy = never;
  #expiresAt = never;
  #subscriptionsAt = never;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#connectBy = this.#now() + this.#client.connectTimeoutMs;
    this.#file();
  }

  /** Connect has completed. The first ping comes after half to a whole interval, to spread load (protocol 6.2). */
  established(expireAt: number | undefined): void {
    const { pingIntervalMs } = this.#client;
    this.#connectBy = never;
    if (pingIntervalMs > 0) {
      this.#pingAt =
        this.#now() + pingIntervalMs * (0.5 + this.#connection.services.random.next() / 2);
    }
    this.expires(expireAt);
  }

  /** `expireAt`: Unix seconds; undefined: never. */
  expires(expireAt: number | undefined): void {
    this.#expiresAt = this.#withGrace(expireAt);
    this.#file();
  }

  /** A subscription has a new expiry. */
  subscriptionExpires(): void {
    this.#subscriptionsAt = never;
    for (const { expireAt } of this.#connection.subscriptions.values()) {
      this.#subscriptionsAt = Math.min(this.#subscriptionsAt, this.#withGrace(expireAt));
    }
    this.#file();
  }

  /** False: no ping was outstanding, which breaks the protocol (6.3). */
  ponged(): boolean {
    if (this.#pongBy === never) return false;
    this.#pongBy = never;
    this.#file();
    return true;
  }

  cancel(): void {
    this.#connection.services.wheel.cancel(this);
  }

  onDeadline(): void {
    const now = this.#now();
    const connection = this.#connection;
    if (now >= this.#connectBy) return connection.close(disconnects.stale);
    if (now >= this.#pongBy) return connection.close(disconnects.noPong);
    if (now >= this.#expiresAt) return connection.close(disconnects.connectionExpired);
    if (now >= this.#subscriptionsAt) this.#expireSubscriptions(now);
    if (connection.closed) return;
    if (now >= this.#pingAt) this.#ping(now);
    this.#file();
  }

  #ping(now: number): void {
    const { pingIntervalMs, pongTimeoutMs } = this.#client;
    this.#pingAt = now + pingIntervalMs;
    if (pongTimeoutMs > 0) this.#pongBy = now + pongTimeoutMs;
    this.#connection.link.send(this.#connection.codec.ping);
  }

  #expireSubscriptions(now: number): void {
    const connection = this.#connection;
    for (const { expireAt, terms } of connection.subscriptions.values()) {
      if (now < this.#withGrace(expireAt)) continue;
      if (terms.serverSide) return connection.close(disconnects.subscriptionExpired);
      connection.unsubscribe(terms.channel, unsubscribes.expired);
    }
    this.subscriptionExpires();
  }

  #withGrace(expireAt: number | undefined): number {
    if (expireAt === undefined) return never;
    return (
      this.#now() +
      (expireAt * 1000 - this.#connection.services.clock.now()) +
      this.#client.expiryGraceMs
    );
  }

  #file(): void {
    const at = Math.min(
      this.#connectBy,
      this.#pingAt,
      this.#pongBy,
      this.#expiresAt,
      this.#subscriptionsAt,
    );
    if (at === never) this.cancel();
    else this.#connection.services.wheel.schedule(this, at);
  }

  get #client() {
    return this.#connection.services.options.client;
  }

  #now(): number {
    return this.#connection.services.clock.monotonic();
  }
}
