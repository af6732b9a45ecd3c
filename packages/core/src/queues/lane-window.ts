import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";

/** Consumed places at the front of the array are given back from here on. */
const compactAt = 1_024;

/**
 * The ready messages of one priority, by seq: the first ones in memory, the others in the store. Everything up to
 * `cursor` that is ready is in memory; what lies in the store alone is above it, up to `tail`. While there is any,
 * new messages join it there, so that the order holds and memory does not grow with the backlog.
 */
export class LaneWindow {
  readonly #fresh: (Message | undefined)[] = [];
  #head = 0;
  /** Given back: older than what is fresh, mostly. */
  readonly #returned = new Heap<Message>((one, other) => one.seq < other.seq);
  #bytes = 0;
  #cursor: number;
  #tail: number;
  /** Taken out of the store past the window: not to be loaded into it. */
  readonly #skipped = new Set<number>();
  /** Counts what makes a load that is under way worthless. */
  generation = 0;
  loading = false;

  /** All up to `cursor` is delivered or settled; messages between it and `tail` are in the store. */
  constructor(cursor: number, tail: number) {
    this.#cursor = cursor;
    this.#tail = tail;
  }

  /** In memory. */
  get size(): number {
    return this.#fresh.length - this.#head + this.#returned.size;
  }

  /** Footprint of those in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get tail(): number {
    return this.#tail;
  }

  /** There are ready messages that are in the store alone. */
  get hasMore(): boolean {
    return this.#tail > this.#cursor;
  }

  /** The next one; undefined: there is none, or it is in the store alone. */
  peek(): Message | undefined {
    const fresh = this.#fresh[this.#head];
    const returned = this.#returned.peek();
    return returned !== undefined && this.#isNext(returned, fresh) ? returned : fresh;
  }

  take(): Message | undefined {
    const fresh = this.#fresh[this.#head];
    const returned = this.#returned.peek();
    if (returned !== undefined && this.#isNext(returned, fresh)) {
      this.#returned.pop();
      this.#bytes -= returned.footprint;
      return returned;
    }
    if (fresh === undefined) return undefined;
    this.#fresh[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#fresh.length) {
      this.#fresh.length = 0;
      this.#head = 0;
    } else if (this.#head >= compactAt && this.#head * 2 >= this.#fresh.length) {
      this.#fresh.splice(0, this.#head);
      this.#head = 0;
    }
    this.#bytes -= fresh.footprint;
    return fresh;
  }

  /** Back in its old place. */
  giveBack(message: Message): void {
    this.#returned.push(message);
    this.#bytes += message.footprint;
  }

  /** A message has been committed, in the order of seq. False: it is left to the store. */
  enter(message: Message, hasRoom: boolean): boolean {
    if (this.hasMore || !hasRoom) {
      this.#tail = message.seq;
      return false;
    }
    this.#push(message);
    this.#tail = message.seq;
    return true;
  }

  /** What a load after `cursor` found. `upTo`: that is all up to there. */
  loaded(messages: readonly Message[], upTo: number | undefined): void {
    for (const message of messages) {
      if (this.#skipped.delete(message.seq)) this.#cursor = message.seq;
      else this.#push(message);
    }
    if (upTo !== undefined) this.#cursor = Math.max(this.#cursor, upTo);
    for (const seq of this.#skipped) if (seq <= this.#cursor) this.#skipped.delete(seq);
  }

  /** Those in memory, in no order. */
  *messages(): Iterable<Message> {
    yield* this.#returned.values();
    for (let at = this.#head; at < this.#fresh.length; at += 1) {
      const message = this.#fresh[at];
      if (message) yield message;
    }
  }

  /** Whether a message of this seq is ready. */
  has(seq: number): boolean {
    if (seq > this.#cursor) return !this.#skipped.has(seq);
    for (const message of this.#returned.values()) if (message.seq === seq) return true;
    return this.#findFresh(seq) >= 0;
  }

  /** Takes one out of the middle; undefined: it is not in memory. */
  remove(seq: number): Message | undefined {
    const at = this.#findFresh(seq);
    if (at >= 0) {
      const [message] = this.#fresh.splice(at, 1);
      if (message) this.#bytes -= message.footprint;
      return message;
    }
    let found: Message | undefined;
    for (const message of this.#returned.drain()) {
      if (message.seq === seq) found = message;
      else this.#returned.push(message);
    }
    if (found) this.#bytes -= found.footprint;
    return found;
  }

  /** One that is in the store alone is taken out there. False: it is not, or it is taken already. */
  skip(seq: number): boolean {
    if (seq <= this.#cursor || seq > this.#tail || this.#skipped.has(seq)) return false;
    this.#skipped.add(seq);
    return true;
  }

  /** Takes all that is in memory; what is in the store alone is passed over. */
  clear(): Message[] {
    const all = this.#returned.drain();
    for (let at = this.#head; at < this.#fresh.length; at += 1) {
      const message = this.#fresh[at];
      if (message) all.push(message);
    }
    this.#fresh.length = 0;
    this.#head = 0;
    this.#bytes = 0;
    this.#cursor = Math.max(this.#cursor, this.#tail);
    this.#skipped.clear();
    this.generation += 1;
    return all;
  }

  /** Also what is given back may have to wait for others that are in the store alone. */
  #isNext(returned: Message, fresh: Message | undefined): boolean {
    return fresh === undefined
      ? returned.seq <= this.#cursor || !this.hasMore
      : returned.seq < fresh.seq;
  }

  /** Index in `#fresh`, by halving: they ascend by seq. */
  #findFresh(seq: number): number {
    let low = this.#head;
    let high = this.#fresh.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#fresh[middle]?.seq ?? 0;
      if (found === seq) return middle;
      if (found < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #push(message: Message): void {
    this.#fresh.push(message);
    this.#bytes += message.footprint;
    this.#cursor = message.seq;
  }
}
