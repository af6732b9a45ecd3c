import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

/** In memory at most, give or take as many that were published for an earlier time. */
const windowMessages = 1_000;

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

function placeOf(message: Message): DelayedPlace {
  return { deliverAt: message.deliverAt ?? 0, seq: message.seq };
}

/** Messages that wait for their time: the next ones in memory, those beyond `horizon` in the store alone. */
export class DelayedWindow {
  readonly #heap = new Heap<Message>((one, other) => isBefore(placeOf(one), placeOf(other)));
  /** undefined: all are in memory. */
  #horizon: DelayedPlace | undefined;
  /** A message was left to the store since the last load began. */
  #grew = false;
  generation = 0;
  loading = false;

  constructor(hasStored: boolean) {
    this.#horizon = hasStored ? { deliverAt: Number.NEGATIVE_INFINITY, seq: 0 } : undefined;
  }

  get horizon(): DelayedPlace | undefined {
    return this.#horizon;
  }

  get wantsMore(): boolean {
    return this.#horizon !== undefined && this.#heap.size < windowMessages / 2;
  }

  get room(): number {
    return windowMessages - this.#heap.size;
  }

  /** When the next one is due; undefined: nothing is in memory. */
  get nextAt(): number | undefined {
    return this.#heap.peek()?.deliverAt;
  }

  enter(message: Message): void {
    if (this.#horizon !== undefined && isBefore(this.#horizon, placeOf(message))) {
      this.#grew = true;
      return;
    }
    this.#heap.push(message);
    if (this.#heap.size > windowMessages * 2) this.#shrink();
  }

  loadBegins(): void {
    this.loading = true;
    this.#grew = false;
  }

  /** `complete`: nothing else lay beyond the horizon when the load began. */
  loaded(messages: readonly Message[], complete: boolean): void {
    for (const message of messages) this.#heap.push(message);
    const last = messages.at(-1);
    if (complete && !this.#grew) this.#horizon = undefined;
    else if (last) this.#horizon = placeOf(last);
  }

  takeDue(now: number): Message | undefined {
    const next = this.#heap.peek();
    return next?.deliverAt !== undefined && next.deliverAt <= now ? this.#heap.pop() : undefined;
  }

  clear(): Message[] {
    this.generation += 1;
    this.#horizon = undefined;
    return this.#heap.drain();
  }

  #shrink(): void {
    const all = this.#heap
      .drain()
      .sort((one, other) => (isBefore(placeOf(one), placeOf(other)) ? -1 : 1));
    const kept = all.slice(0, windowMessages);
    for (const message of kept) this.#heap.push(message);
    const last = kept.at(-1);
    if (last) this.#horizon = placeOf(last);
    this.generation += 1; // a load that is under way would leave out what has been let go
  }
}
