import type { ChannelName } from "../ids.ts";
import type { PublishResult } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";

interface Entry {
  readonly key: string;
  readonly result: PublishResult;
  readonly endsAt: number;
  next: Entry | undefined;
}

/** Ended entries dropped per insertion: more than one, so that a busy window shrinks as well as it grows. */
const endedPerInsert = 2;

/**
 * First results of keyed publishes. Entries wait in a line in the order of their insertion and leave it from the
 * front, when their window has ended or when there are more than `limit`: then the oldest is forgotten (and counted),
 * and a repeat of it would be delivered again. An entry with a short window behind one with a long window takes no
 * effect after its end, but keeps its memory until it comes to the front. No timers; every call is O(1).
 */
export class IdempotencyWindow {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  /** Of the line; above `#entries.size` while an ended entry waits behind a later one with the same key. */
  #length = 0;
  #evictions = 0;

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get count(): number {
    return this.#length;
  }

  /** Entries forgotten before their window ended. */
  get evictions(): number {
    return this.#evictions;
  }

  /** The result of the first publish with this key, while its window lasts. */
  find(channel: ChannelName, key: string): PublishResult | undefined {
    const entry = this.#entries.get(scoped(channel, key));
    return entry !== undefined && entry.endsAt > this.#clock.monotonic() ? entry.result : undefined;
  }

  remember(channel: ChannelName, key: string, windowMs: number, result: PublishResult): void {
    if (this.#limit === 0) return;
    const now = this.#clock.monotonic();
    const entry: Entry = {
      key: scoped(channel, key),
      result,
      endsAt: now + windowMs,
      next: undefined,
    };
    // A former entry of the same key has ended, else it would have been found. It stays in line, without effect.
    this.#entries.set(entry.key, entry);
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
    this.#length += 1;
    this.#dropEnded(now, endedPerInsert);
    while (this.#length > this.#limit) {
      if (this.#oldest !== undefined && this.#oldest.endsAt > now) this.#evictions += 1;
      this.#dropOldest();
    }
  }

  /** Drops at most `budget` ended entries from the front. */
  sweep(budget: number): void {
    this.#dropEnded(this.#clock.monotonic(), budget);
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#length = 0;
  }

  #dropEnded(now: number, limit: number): void {
    for (let i = 0; i < limit && this.#oldest !== undefined && this.#oldest.endsAt <= now; i += 1)
      this.#dropOldest();
  }

  #dropOldest(): void {
    const entry = this.#oldest;
    if (entry === undefined) return;
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    this.#length -= 1;
    this.#oldest = entry.next;
    if (entry.next === undefined) this.#newest = undefined;
  }
}

/** Both parts may hold any character, so that only a length can tell where the first ends. */
function scoped(channel: ChannelName, key: string): string {
  return `${channel.length}:${channel}${key}`;
}
