import type { ChannelName } from "../ids.ts";
import type { Subscription } from "./subscription.ts";

/**
 * A connection's subscriptions by channel. A plain array: most connections have one or two, where a map would take ten
 * times the memory, and the limit (128) keeps a search below a microsecond.
 */
export class SubscriptionList {
  readonly #items: Subscription[] = [];

  get size(): number {
    return this.#items.length;
  }

  get(channel: ChannelName): Subscription | undefined {
    return this.#items.find(({ terms }) => terms.channel === channel);
  }

  has(channel: ChannelName): boolean {
    return this.get(channel) !== undefined;
  }

  /** The channel must not have one yet. */
  add(subscription: Subscription): void {
    this.#items.push(subscription);
  }

  delete(subscription: Subscription): void {
    const at = this.#items.indexOf(subscription);
    if (at !== -1) this.#items.splice(at, 1);
  }

  /** A copy: what is done with one may end others. */
  values(): readonly Subscription[] {
    return [...this.#items];
  }
}
