import type { Event } from "../ports/queue-store.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import { Insert } from "./batch.ts";
import { deadLetterQueue } from "./built-in-queues.ts";
import type { DeathReason } from "./death-record.ts";
import { addDeath, isLoop } from "./deaths.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";
import type { StoreClock } from "./store-clock.ts";

interface DeadLettersOptions {
  readonly routing: RoutingTable;
  readonly commit: GroupCommit;
  readonly storeClock: StoreClock;
  readonly homeOf: (queue: string) => QueueHome | undefined;
}

/**
 * Where messages go that died: by the queue's dead-letter exchange, else (or when that leads nowhere) into the queue
 * `switchyard.dead-letters`. What expired or was dropped from a queue without a dead-letter exchange is gone.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** One commit moves it. False: one of the queues that should get it is full; nothing has happened. */
  bury(message: Message, reason: DeathReason): boolean {
    const { commit, storeClock } = this.#options;
    const { home } = message;
    const targets = this.#targets(message, reason);
    if (targets === undefined || targets.homes.length === 0) {
      commit.open().delete(message);
      home.buried(reason, false);
      return true;
    }
    if (targets.homes.some((target) => !target.admits(message.bytes))) return false;
    const now = storeClock.now();
    const deaths = addDeath(message, reason, now);
    const messages = targets.homes.map((target) =>
      target.accept(targets.event, {
        priority: message.priority,
        attempts: 0,
        expiresAt:
          target.definition.ttlMs === undefined ? undefined : now + target.definition.ttlMs,
        deliverAt: undefined,
        deaths,
      }),
    );
    commit.insert(new Insert(messages, undefined, message));
    home.buried(reason, true);
    return true;
  }

  /** undefined: it is to be dropped. */
  #targets(
    message: Message,
    reason: DeathReason,
  ): { readonly event: Event; readonly homes: readonly QueueHome[] } | undefined {
    const { routing, homeOf } = this.#options;
    const { deadLetterExchange, deadLetterKey, overflow } = message.home.definition;
    if (deadLetterExchange !== undefined) {
      const exchange = deadLetterExchange;
      const key = deadLetterKey ?? message.event.key;
      // Written by ourselves: an object of strings, numbers and booleans.
      const headers = JSON.parse(message.event.headers) as Record<string, string>;
      const queues = routing.route({ exchange, key, headers })?.queues ?? [];
      const homes = queues.flatMap((name) => homeOf(name) ?? []);
      const straight = homes.filter((home) => !isLoop(message, reason, home.name));
      if (homes.length > 0) return { event: { ...message.event, exchange, key }, homes: straight };
    } else if (reason === "expired" || (reason === "maxlen" && overflow !== "dead-letter")) {
      return undefined;
    }
    const last = homeOf(deadLetterQueue);
    if (!last || last === message.home) return undefined;
    return { event: { ...message.event, exchange: "", key: deadLetterQueue }, homes: [last] };
  }
}
