import type { Publication } from "../channels/publication.ts";

const firstCapacity = 4;
/** Below this the two arrays cost less than moving their content. */
const keptCapacity = 16;

/** The object, its id, and what info and tags usually add. */
const overheadBytes = 256;

function weigh({ data }: Publication): number {
  return data.length + overheadBytes;
}

/**
 * The retained publications of one stream, oldest first, each with the monotonic time of its end. Appending and
 * dropping are O(1); room grows by doubling, so that a stream with two entries and a retention of 10,000 costs four slots.
 * Ends never decrease from oldest to newest: what is readable is always one run that reaches the newest.
 */
export class PublicationRing {
  // Two parallel arrays instead of one of pairs: 8 bytes instead of an object for each publication.
  #items: (Publication | undefined)[] = [];
  #endsAt: number[] = [];
  #head = 0;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  /** What the publications weigh in memory, roughly: their data and a constant for the rest. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Slots allocated: at least `count`, at most twice the largest count plus a constant. */
  get capacity(): number {
    return this.#items.length;
  }

  /** `index` 0 is the oldest. undefined outside of what is retained. */
  at(index: number): Publication | undefined {
    return index >= 0 && index < this.#count ? this.#items[this.#slot(index)] : undefined;
  }

  /** When the publication at `index` ends; Infinity outside of what is retained. */
  endsAt(index: number): number {
    return index >= 0 && index < this.#count
      ? (this.#endsAt[this.#slot(index)] ?? Infinity)
      : Infinity;
  }

  push(publication: Publication, endsAt: number): void {
    // A retention that was shortened ends the older ones too. Each step lowers an end for good and the next append
    // meets it lowered, so that this is O(1) amortised.
    for (let i = this.#count - 1; i >= 0 && this.endsAt(i) > endsAt; i -= 1)
      this.#endsAt[this.#slot(i)] = endsAt;
    if (this.#count === this.#items.length) this.#resize(Math.max(firstCapacity, this.#count * 2));
    const slot = this.#slot(this.#count);
    this.#items[slot] = publication;
    this.#endsAt[slot] = endsAt;
    this.#count += 1;
    this.#bytes += weigh(publication);
  }

  /** Drops the oldest until at most `count` are left. Returns how many were dropped. */
  trimTo(count: number): number {
    return this.#dropOldest(this.#count - Math.max(0, count));
  }

  /** Drops at most `limit` publications that have ended at `now`. Returns how many. */
  dropEnded(now: number, limit: number): number {
    if (this.#count === 0) return 0;
    if (this.endsAt(this.#count - 1) <= now) return this.clear();
    let ended = 0;
    while (ended < limit && this.endsAt(ended) <= now) ended += 1;
    return this.#dropOldest(ended);
  }

  /** Drops all and gives the room back. Returns how many were dropped. */
  clear(): number {
    const dropped = this.#count;
    this.#items = [];
    this.#endsAt = [];
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    return dropped;
  }

  #dropOldest(count: number): number {
    if (count <= 0) return 0;
    for (let i = 0; i < count; i += 1) {
      const slot = this.#slot(i);
      const dropped = this.#items[slot];
      if (dropped) this.#bytes -= weigh(dropped);
      this.#items[slot] = undefined;
    }
    this.#head = this.#slot(count);
    this.#count -= count;
    // Half empty after shrinking: the next doubling and the next halving are both far away.
    if (this.#items.length > keptCapacity && this.#count <= this.#items.length / 4)
      this.#resize(this.#items.length / 2);
    return count;
  }

  /** Capacities are powers of two, so that wrapping is a mask. */
  #slot(index: number): number {
    return (this.#head + index) & (this.#items.length - 1);
  }

  #resize(capacity: number): void {
    const items: (Publication | undefined)[] = [];
    const endsAt: number[] = [];
    for (let i = 0; i < capacity; i += 1) {
      items.push(this.at(i));
      endsAt.push(i < this.#count ? this.endsAt(i) : 0);
    }
    this.#items = items;
    this.#endsAt = endsAt;
    this.#head = 0;
  }
}
