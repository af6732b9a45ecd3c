import { toJsonText } from "@switchyard/protocol";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { Event, GivenId } from "../ports/queue-store.ts";
import type { ChannelTarget, Route } from "../routing/route.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import { type Batch, Insert } from "./batch.ts";
import type { NewEvent, PublishEventOutcome } from "./broker-operations.ts";
import { channelQueue, publicQueues } from "./built-in-queues.ts";
import type { PublishToChannel } from "./channel-forwarder.ts";
import { GivenIds, scopeOf } from "./given-ids.ts";
import type { Message } from "./message.ts";
import type { PendingEvent } from "./pending-event.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

const noHeaders = toJsonText({});
const noChannels: ChannelTargets = { kept: [], live: [] };

export interface IntakeOptions {
  readonly services: QueueServices;
  readonly routing: RoutingTable;
  readonly homeOf: (queue: string) => QueueHome | undefined;
  readonly publishToChannel: PublishToChannel;
  /** How long an id given by a publisher is remembered. */
  readonly idWindowMs: number;
  /** Of events that are not committed yet; above it new ones are refused with `tooManyRequests`. */
  readonly maxPendingBytes: number;
}

type Taken = PublishEventOutcome | Promise<PublishEventOutcome> | PendingEvent;

/** Events on their way in: routed, given a place in every queue that gets them, confirmed when that is committed. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #givenIds = new GivenIds();
  published = 0;
  unroutable = 0;
  returned = 0;
  duplicates = 0;
  readonly #byExchange = new Map<string, { published: number; unroutable: number }>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  countsOf(exchange: string): { readonly published: number; readonly unroutable: number } {
    return this.#byExchange.get(exchange) ?? { published: 0, unroutable: 0 };
  }

  forget(exchange: string): void {
    this.#byExchange.delete(exchange);
  }

  /** Never rejects: what goes wrong is an outcome. */
  async publish(
    events: readonly NewEvent[],
    publisher: string,
  ): Promise<readonly PublishEventOutcome[]> {
    const taken = events.map((event) => this.#take(event, publisher));
    const outcomes: PublishEventOutcome[] = [];
    let waitedFor: Batch | undefined;
    let failure: Error | undefined;
    for (const one of taken) {
      if (!("batch" in one)) {
        outcomes.push(await one);
        continue;
      }
      // Most events of one call are in one batch.
      if (one.batch !== waitedFor) failure = await this.#failureOf(one.batch);
      // Control of the checker: confirmed before the store has it.
      if (this.#options.services.plantedBug === "confirmBeforeCommit")
        one.insert.outcome ??= "committed";
      waitedFor = one.batch;
      outcomes.push(this.#outcomeOf(one, failure));
    }
    return outcomes;
  }

  #take(event: NewEvent, publisher: string): Taken {
    const { routing, services, maxPendingBytes } = this.#options;
    const { commit } = services;
    if (commit.fenced) return failed(event, new SwitchyardError("storeUnavailable"));
    const route = routing.route(event);
    if (!route) {
      const detail = `There is no exchange ${JSON.stringify(event.exchange)}.`;
      return failed(event, new SwitchyardError("notFound", { detail, field: "exchange" }));
    }
    if (commit.pendingBytes > maxPendingBytes) {
      const detail = "Too much is on its way into the store; try again later.";
      return failed(event, new SwitchyardError("tooManyRequests", { detail }));
    }
    const first =
      event.id === undefined ? undefined : this.#givenIds.get(event.exchange, publisher, event.id);
    if (first) return this.#repeatOf(first);
    return this.#place(event, publisher, route);
  }

  #place(event: NewEvent, publisher: string, route: Route): Taken {
    const { services, homeOf } = this.#options;
    const id = event.id ?? services.random.uuid();
    const stored = storedEvent(event, id, services.storeClock.now());
    const names = publicQueues(route.queues);
    const homes: QueueHome[] = [];
    for (const name of names) {
      const home = homeOf(name);
      if (!home) return failed(event, homeless());
      homes.push(home);
    }
    const { kept, live } = route.channels.length > 0 ? byDurability(route.channels) : noChannels;
    const routed = homes.length + route.channels.length;
    this.#count(event.exchange, routed === 0);
    if (routed === 0) return this.#unroutable(event, id);
    const full = homes.find((home) => !home.admits(event.body.length));
    if (full) {
      const detail = `The queue ${JSON.stringify(full.name)} is full and rejects what is published; nothing was stored.`;
      return failed(event, new SwitchyardError("queueFull", { detail, field: full.name }));
    }
    const channels = kept.length > 0 ? homeOf(channelQueue) : undefined;
    if (kept.length > 0 && !channels) return failed(event, homeless());
    const messages = homes.map((home) => this.#accept(home, stored, event));
    if (channels) {
      const key = event.id === undefined ? id : scopeOf(event.exchange, publisher, id);
      for (const { channel } of kept)
        messages.push(this.#accept(channels, { ...stored, id: key, key: channel }, event));
    }
    if (messages.length === 0) {
      this.#publishLive(stored, live);
      return { kind: "confirmed", id, routed, duplicate: false };
    }
    return this.#commit(stored, messages, { given: event.id, publisher, routed, live });
  }

  #commit(
    stored: Event,
    messages: readonly Message[],
    more: {
      readonly given: string | undefined;
      readonly publisher: string;
      readonly routed: number;
      readonly live: readonly ChannelTarget[];
    },
  ): PendingEvent {
    const { services, idWindowMs } = this.#options;
    const { given, publisher, routed, live } = more;
    const givenId: GivenId | undefined =
      given === undefined
        ? undefined
        : {
            exchange: stored.exchange,
            publisher,
            id: given,
            expiresAt: services.storeClock.now() + idWindowMs,
          };
    const insert = new Insert(messages, givenId);
    const pending = { event: stored, routed, insert, batch: services.commit.insert(insert), live };
    if (givenId) this.#givenIds.add(givenId, pending);
    return pending;
  }

  #accept(home: QueueHome, stored: Event, event: NewEvent): Message {
    const now = stored.publishedAt;
    const at = event.deliverAt ?? (event.delayMs === undefined ? now : now + event.delayMs);
    const deliverAt = at > now ? at : undefined;
    const ttlMs = Math.min(event.ttlMs ?? Infinity, home.definition.ttlMs ?? Infinity);
    return home.accept(stored, {
      priority: event.priority,
      attempts: 0,
      expiresAt: ttlMs === Infinity ? undefined : Math.max(at, now) + ttlMs,
      deliverAt,
      deaths: undefined,
    });
  }

  /** Waits for the commit of `batch`; undefined: its outcome is known. */
  async #failureOf(batch: Batch): Promise<Error | undefined> {
    if (this.#options.services.plantedBug === "confirmBeforeCommit") return undefined;
    try {
      await this.#options.services.commit.confirmed(batch);
      return undefined;
    } catch (error) {
      return asError(error);
    }
  }

  #outcomeOf(pending: PendingEvent, failure: Error | undefined): PublishEventOutcome {
    const { event, routed, insert, live } = pending;
    const { id } = event;
    if (failure) return { kind: "failed", id, error: failure };
    switch (insert.outcome) {
      case "committed":
        this.published += 1;
        this.#publishLive(event, live);
        return { kind: "confirmed", id, routed, duplicate: false };
      case "duplicate":
        this.duplicates += 1;
        return { kind: "confirmed", id, routed, duplicate: true };
      case "refused":
        return { kind: "failed", id, error: new SwitchyardError("internal") };
      default:
        return { kind: "failed", id, error: new SwitchyardError("storeUnavailable") };
    }
  }

  /** The same id again while the first one is on its way: what comes of that. */
  async #repeatOf({
    event: { id },
    routed,
    insert,
    batch,
  }: PendingEvent): Promise<PublishEventOutcome> {
    const failure = await this.#failureOf(batch);
    if (failure) return { kind: "failed", id, error: failure };
    if (insert.outcome !== "committed" && insert.outcome !== "duplicate")
      return { kind: "failed", id, error: new SwitchyardError("internal") };
    this.duplicates += 1;
    return { kind: "confirmed", id, routed, duplicate: true };
  }

  #unroutable(event: NewEvent, id: string): PublishEventOutcome {
    this.unroutable += 1;
    if (!event.mandatory) return { kind: "confirmed", id, routed: 0, duplicate: false };
    this.returned += 1;
    return { kind: "returned", id };
  }

  #publishLive(event: Event, channels: readonly ChannelTarget[]): void {
    const { publishToChannel, services } = this.#options;
    for (const { channel } of channels) {
      publishToChannel(channel, event.body, "").catch((error: unknown) => {
        services.log.warn(
          { channel, event: event.id, err: error },
          "an event did not reach its channel",
        );
      });
    }
  }

  #count(exchange: string, unroutable: boolean): void {
    let counts = this.#byExchange.get(exchange);
    if (!counts) this.#byExchange.set(exchange, (counts = { published: 0, unroutable: 0 }));
    counts.published += 1;
    if (unroutable) counts.unroutable += 1;
  }
}

function storedEvent(event: NewEvent, id: string, publishedAt: number): Event {
  const { exchange, key, headers, body, contentType } = event;
  return {
    id,
    exchange,
    key,
    headers: isEmpty(headers) ? noHeaders : toJsonText(headers),
    body,
    contentType:
      contentType ?? (typeof body === "string" ? "application/json" : "application/octet-stream"),
    publishedAt,
  };
}

interface ChannelTargets {
  readonly kept: readonly ChannelTarget[];
  readonly live: readonly ChannelTarget[];
}

function byDurability(channels: readonly ChannelTarget[]): ChannelTargets {
  return {
    kept: channels.filter(({ durable }) => durable),
    live: channels.filter(({ durable }) => !durable),
  };
}

function isEmpty(headers: NewEvent["headers"]): boolean {
  for (const name in headers) if (Object.hasOwn(headers, name)) return false;
  return true;
}

function failed(event: NewEvent, error: Error): PublishEventOutcome {
  return { kind: "failed", id: event.id, error };
}

/** A node that was the home of a queue has gone, and its lease has not run out yet. */
function homeless(): SwitchyardError {
  const detail = "A queue that should get the event has no home at the moment; nothing was stored.";
  return new SwitchyardError("storeUnavailable", { detail });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new SwitchyardError("internal", { cause: thrown });
}
