import type { Log } from "../ports/log.ts";
import type { Event } from "../ports/queue-store.ts";
import type { ChannelTarget } from "../routing/route.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import { Insert } from "./batch.ts";
import { channelQueue, deadLetterQueue, publicQueues } from "./built-in-queues.ts";
import type { PublishToChannel } from "./channel-forwarder.ts";
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
  readonly publishToChannel: PublishToChannel;
  readonly log: Log;
}

interface Targets {
  readonly event: Event;
  readonly homes: readonly QueueHome[];
  readonly channels: readonly ChannelTarget[];
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
    if (targets?.homes.some((target) => !target.admits(message.bytes))) return false;
    if (targets === undefined || targets.homes.length + targets.channels.length === 0) {
      commit.open().delete(message);
      home.buried(reason, false);
      return true;
    }
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
    messages.push(...this.#toChannels(message, targets));
    if (messages.length > 0) commit.insert(new Insert(messages, undefined, message));
    else commit.open().delete(message);
    home.buried(reason, true);
    return true;
  }

  /** For the durable ones a message in the internal queue each; to the others it is published now. */
  #toChannels({ home, seq, priority }: Message, { event, channels }: Targets): Message[] {
    const { homeOf, publishToChannel, log } = this.#options;
    const forwarding = homeOf(channelQueue);
    const messages: Message[] = [];
    for (const { channel, durable } of channels) {
      if (durable && forwarding) {
        // The same event may have been on this channel before it died.
        const forwarded = { ...event, id: `dead:${home.id}-${seq}`, key: channel };
        const terms = { priority, attempts: 0, expiresAt: undefined, deliverAt: undefined };
        messages.push(forwarding.accept(forwarded, { ...terms, deaths: undefined }));
        continue;
      }
      publishToChannel(channel, event.body, "").catch((error: unknown) => {
        log.warn(
          { channel, event: event.id, err: error },
          "a dead letter did not reach its channel",
        );
      });
    }
    return messages;
  }

  /** undefined: it is to be dropped. */
  #targets(message: Message, reason: DeathReason): Targets | undefined {
    const { routing, homeOf } = this.#options;
    const { deadLetterExchange, deadLetterKey, overflow } = message.home.definition;
    if (deadLetterExchange !== undefined) {
      const exchange = deadLetterExchange;
      const key = deadLetterKey ?? message.event.key;
      // Written by ourselves: an object of strings, numbers and booleans.
      const headers = JSON.parse(message.event.headers) as Record<string, string>;
      const { queues = [], channels = [] } = routing.route({ exchange, key, headers }) ?? {};
      const homes = publicQueues(queues).flatMap((name) => homeOf(name) ?? []);
      const straight = homes.filter((home) => !isLoop(message, reason, home.name));
      const event = { ...message.event, exchange, key };
      if (homes.length + channels.length > 0) return { event, homes: straight, channels };
    } else if (reason === "expired" || (reason === "maxlen" && overflow !== "dead-letter")) {
      return undefined;
    }
    const last = homeOf(deadLetterQueue);
    if (!last || last === message.home) return undefined;
    const event = { ...message.event, exchange: "", key: deadLetterQueue };
    return { event, homes: [last], channels: [] };
  }
}
