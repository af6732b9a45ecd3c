import type { Publication } from "../channels/publication.ts";
import type { ChannelName } from "../ids.ts";
import type {
  ChannelBus,
  HistoryPage,
  HistoryQuery,
  NewPublication,
  PresenceChange,
  PublishOptions,
  PublishResult,
} from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { IdempotencyWindow } from "./idempotency-window.ts";
import type { MemoryLifecycle } from "./memory-lifecycle.ts";
import type { MemoryStreams } from "./memory-streams.ts";

interface Appended {
  readonly result: PublishResult;
  /** undefined: nothing to deliver. */
  readonly appended: Publication | undefined;
  readonly epoch: string;
}

/**
 * Channels of one process. Each method does its work before it returns its promise: a publish is appended and
 * delivered inside the call, which makes the order of calls the order of offsets and of deliveries. Payloads are
 * kept by reference; whoever publishes bytes must not change them afterwards.
 */
export class MemoryChannels implements ChannelBus {
  readonly #clock: Clock;
  readonly #lifecycle: MemoryLifecycle;
  readonly #streams: MemoryStreams;
  readonly #repeats: IdempotencyWindow;
  readonly #subscribed = new Set<ChannelName>();

  constructor(
    clock: Clock,
    lifecycle: MemoryLifecycle,
    streams: MemoryStreams,
    repeats: IdempotencyWindow,
  ) {
    this.#clock = clock;
    this.#lifecycle = lifecycle;
    this.#streams = streams;
    this.#repeats = repeats;
  }

  /** Channels this node is subscribed to. */
  get subscribed(): number {
    return this.#subscribed.size;
  }

  // Async methods without await: the body runs inside the call, and a throw becomes a rejection.
  async publish(
    channel: ChannelName,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    const events = this.#lifecycle.publishing();
    const { idempotency } = options;
    if (idempotency !== undefined) {
      const first = this.#repeats.find(channel, idempotency.key);
      if (first !== undefined) return { position: first.position, duplicate: true };
    }
    const { result, appended, epoch } = this.#append(channel, publication, options);
    if (idempotency !== undefined) {
      // Before the delivery: whoever publishes the same key from within it meets the result.
      this.#repeats.remember(channel, idempotency.key, idempotency.windowMs, result);
    }
    if (appended !== undefined && this.#subscribed.has(channel)) {
      events.publication(channel, appended, epoch);
    }
    return result;
  }

  async announce(channel: ChannelName, change: PresenceChange): Promise<void> {
    const events = this.#lifecycle.started();
    if (this.#subscribed.has(channel)) events.presence(channel, change);
  }

  async subscribe(channel: ChannelName): Promise<void> {
    this.#lifecycle.started();
    this.#subscribed.add(channel);
  }

  async unsubscribe(channel: ChannelName): Promise<void> {
    this.#subscribed.delete(channel);
  }

  async history(channel: ChannelName, query: HistoryQuery): Promise<HistoryPage> {
    this.#lifecycle.started();
    return this.#streams.page(channel, query);
  }

  async removeHistory(channel: ChannelName): Promise<void> {
    this.#lifecycle.started();
    this.#streams.removeHistory(channel);
  }

  clear(): void {
    this.#subscribed.clear();
  }

  #append(channel: ChannelName, publication: NewPublication, options: PublishOptions): Appended {
    if (options.retention === undefined) {
      const appended: Publication = {
        data: publication.data,
        offset: 0,
        id: "",
        info: publication.info,
        tags: publication.tags,
        publishedAt: this.#clock.now(),
      };
      return { result: { position: undefined, duplicate: false }, appended, epoch: "" };
    }
    const outcome = this.#streams.append(channel, publication, options.retention, options);
    const { position } = outcome;
    return outcome.kind === "stale"
      ? { result: { position, duplicate: true }, appended: undefined, epoch: "" }
      : {
          result: { position, duplicate: false },
          appended: outcome.publication,
          epoch: position.epoch,
        };
  }
}
