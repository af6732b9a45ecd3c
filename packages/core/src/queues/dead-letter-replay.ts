import type { Event, StoredMessage } from "../ports/queue-store.ts";
import { Insert } from "./batch.ts";
import type { DeadLetterSelection, ReplayResult } from "./broker-operations.ts";
import type { Browser } from "./browser.ts";
import { parseDeaths } from "./deaths.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

/** Looked at in one go. */
const pageMessages = 500;
/** With a rate: how often some are replayed. */
const tickMs = 100;

interface DeadLetterReplayOptions {
  readonly services: QueueServices;
  readonly browser: Browser;
  readonly homeOf: (queue: string) => QueueHome | undefined;
}

type Treatment = (
  messages: readonly Message[],
) => Promise<{ readonly done: number; readonly kept: number }>;

/** Brings dead letters back to where they died, or throws them away. */
export class DeadLetterReplay {
  readonly #options: DeadLetterReplayOptions;
  #stopped = false;

  constructor(options: DeadLetterReplayOptions) {
    this.#options = options;
  }

  /** What goes on in the background ends. */
  stop(): void {
    this.#stopped = true;
  }

  async replay(home: QueueHome, selection: DeadLetterSelection): Promise<ReplayResult> {
    const treat: Treatment = (messages) => this.#bringBack(messages);
    const { ratePerSecond } = selection;
    if (ratePerSecond === undefined) {
      const { done, kept } = await this.#each(home, selection, treat);
      return { replayed: done, scheduled: 0, kept };
    }
    const chosen = selection.seqs?.length ?? home.ready;
    const scheduled = Math.min(chosen, selection.limit ?? chosen);
    void this.#each(home, selection, treat).catch((error: unknown) => {
      this.#options.services.log.warn(
        { queue: home.name, err: error },
        "a replay of dead letters ended early",
      );
    });
    return { replayed: 0, scheduled, kept: 0 };
  }

  async discard(home: QueueHome, selection: DeadLetterSelection): Promise<number> {
    const { commit } = this.#options.services;
    const { done } = await this.#each(home, selection, async (messages) => {
      for (const message of messages) {
        commit.open().delete(message);
        home.buried("rejected", false);
      }
      await commit.soFar();
      return { done: messages.length, kept: 0 };
    });
    return done;
  }

  /** Ready dead letters only, in the queue's order; those that are there now, so that it ends when they die again. */
  async #each(
    home: QueueHome,
    { seqs, limit = Number.POSITIVE_INFINITY, ratePerSecond }: DeadLetterSelection,
    treat: Treatment,
  ): Promise<{ readonly done: number; readonly kept: number }> {
    const { nextSeq: below } = home;
    const wanted = seqs && new Set(seqs);
    let left = Math.min(limit, wanted?.size ?? Number.POSITIVE_INFINITY);
    let done = 0;
    let kept = 0;
    let cursor: string | undefined;
    const perTick =
      ratePerSecond === undefined
        ? pageMessages
        : Math.max(1, Math.round((ratePerSecond * tickMs) / 1_000));
    const pauseMs = ratePerSecond === undefined ? 0 : (perTick / ratePerSecond) * 1_000;
    do {
      const page = await this.#options.browser.rows(home, { limit: pageMessages, cursor }, below);
      cursor = page.cursor;
      const chosen = page.rows.filter(({ seq }) => wanted?.has(seq) ?? true);
      const rows = chosen.filter(({ deaths }) => deaths !== undefined);
      if (wanted) kept += chosen.length - rows.length;
      for (let at = 0; at < rows.length && left > 0; at += perTick) {
        const some = this.#extract(home, rows.slice(at, at + Math.min(perTick, left)));
        left -= some.length;
        const outcome = await treat(some);
        done += outcome.done;
        kept += outcome.kept;
        if (pauseMs > 0) await this.#pause(pauseMs);
        if (this.#stopped || home.closed) return { done, kept };
      }
    } while (cursor !== undefined && left > 0);
    return { done, kept };
  }

  #extract(home: QueueHome, rows: readonly StoredMessage[]): Message[] {
    return rows.flatMap((row) => home.extract(row) ?? []);
  }

  async #bringBack(
    messages: readonly Message[],
  ): Promise<{ readonly done: number; readonly kept: number }> {
    const { services, homeOf } = this.#options;
    const inserts: Insert[] = [];
    for (const message of messages) {
      const [latest] = parseDeaths(message.deaths);
      const target = latest && homeOf(latest.queue);
      if (!target || target === message.home || !target.admits(message.bytes)) {
        message.home.putBack(message);
        continue;
      }
      const event: Event = { ...message.event, exchange: latest.exchange, key: latest.key };
      const { ttlMs } = target.definition;
      const again = target.accept(event, {
        priority: message.priority,
        attempts: 0,
        expiresAt: ttlMs === undefined ? undefined : services.storeClock.now() + ttlMs,
        deliverAt: undefined,
        deaths: message.deaths,
      });
      const insert = new Insert([again], undefined, message);
      services.commit.insert(insert);
      inserts.push(insert);
    }
    await services.commit.soFar();
    for (const { outcome, replaces } of inserts) {
      if (outcome === "refused" && replaces) replaces.home.putBack(replaces);
    }
    const done = inserts.filter(({ outcome }) => outcome === "committed").length;
    return { done, kept: messages.length - done };
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#options.services.clock.after(ms, resolve);
    return promise;
  }
}
