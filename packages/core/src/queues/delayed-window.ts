import type { StoredMessage } from "../ports/queue-store.ts";
import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

/** A place in the order of (deliverAt, seq). */
export interface DelayedPlace {
  readonly deliverAt: number;
  readonly seq: number;
}

function isBefore(one: DelayedPlace, other: DelayedPlace): boolean {
  return (
    one.deliverAt < other.deliverAt || (one.deliverAt === other.deliverAt && one.seq < other.seq)
  );
}

export function delayedPlaceOf({ deliverAt = 0, seq }: StoredMessage): DelayedPlace {
  return { deliverAt, seq };
}

/** Messages that wait for their time: the next ones in memory, those beyond `horizon` in the store alone. */
export class DelayedWindow {
  readonly #heap = new Heap<Message>((one, other) =>
    isBefore(delayedPlaceOf(one), delayedPlaceOf(other)),
  );
  readonly #most: number;
  /** undefined: all are in memory. */
  #horizon: DelayedPlace | undefined;
  /** The first one that was left to the store since the last load began: that load may have missed it. */
  #missed: DelayedPlace | undefined;
  /**
   * The last one that was taken. What has been taken lies in the store until it has moved: the horizon stays above, also
   * when messages enter whose time was earlier still.
   */
  #taken: DelayedPlace | undefined;
  generation = 0;
  loading = false;

  /** @param most in memory, give or take as many that were published for an earlier time. */
  constructor(most: number, hasStored: boolean) {
    this.#most = most;
    this.#horizon = hasStored ? { deliverAt: Number.NEGATIVE_INFINITY, seq: 0 } : undefined;
  }

  get horizon(): DelayedPlace | undefined {
    return this.#horizon;
  }

  get wantsMore(): boolean {
    return this.#horizon !== undefined && this.#heap.size < this.#most / 2;
  }

  get room(): number {
    return this.#most - this.#heap.size;
  }

  /** When the next one is due; undefined: nothing is in memory. */
  get nextAt(): number | undefined {
    return this.#heap.peek()?.deliverAt;
  }

  enter(message: Message): void {
    const place = delayedPlaceOf(message);
    if (this.#horizon !== undefined && isBefore(this.#horizon, place)) {
      if (this.#missed === undefined || isBefore(place, this.#missed)) this.#missed = place;
      return;
    }
    this.#heap.push(message);
    if (this.#heap.size > this.#most * 2) this.#shrink();
  }

  loadBegins(): void {
    this.loading = true;
    this.#missed = undefined;
  }

  /** What a load found beyond the horizon, up to `end`; undefined: that was all when it began. */
  loaded(messages: readonly Message[], end: DelayedPlace | undefined): void {
    const missed = this.#missed;
    const isCut = missed !== undefined && (end === undefined || !isBefore(end, missed));
    for (const message of messages) {
      if (isCut && !isBefore(delayedPlaceOf(message), missed)) break;
      this.#heap.push(message);
    }
    this.#horizon = isCut ? { ...missed, seq: missed.seq - 1 } : end;
  }

  takeDue(now: number): Message | undefined {
    const next = this.#heap.peek();
    if (next?.deliverAt === undefined || next.deliverAt > now) return undefined;
    const place = delayedPlaceOf(next);
    if (this.#taken === undefined || isBefore(this.#taken, place)) this.#taken = place;
    return this.#heap.pop();
  }

  clear(): Message[] {
    this.generation += 1;
    this.#horizon = undefined;
    return this.#heap.drain();
  }

  #shrink(): void {
    const all = this.#heap
      .drain()
      .toSorted((one, other) => (isBefore(delayedPlaceOf(one), delayedPlaceOf(other)) ? -1 : 1));
    const taken = this.#taken;
    const later = taken ? all.findIndex((message) => isBefore(taken, delayedPlaceOf(message))) : 0;
    const kept = later < 0 ? all.length : Math.max(later, this.#most);
    for (const message of all.slice(0, kept)) this.#heap.push(message);
    const last = all[kept - 1];
    if (kept === all.length || !last) return;
    const place = delayedPlaceOf(last);
    this.#horizon = taken && isBefore(place, taken) ? taken : place;
    this.generation += 1; // a load that is under way would leave out what has been let go
  }
}
