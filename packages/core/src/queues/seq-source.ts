import type { QueueState } from "../ports/queue-store.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

/** How many windows ahead of its deliveries a queue says what it may deliver: one small write for as many messages. */
const windowsMarked = 2;

/**
 * The seqs of one queue, each given once, and the mark below which it may deliver. The mark is committed before a
 * message below it is delivered, so that a later incarnation knows what may have been delivered before. It is asked for
 * half of its distance ahead, so that deliveries seldom wait for it.
 */
export class SeqSource {
  readonly #home: QueueHome;
  readonly #services: QueueServices;
  readonly #markAhead: number;
  #next: number;
  #committed: number;
  #markAsked: number;
  #markCommitted: number;

  constructor(home: QueueHome, state: QueueState, services: QueueServices) {
    this.#home = home;
    this.#services = services;
    this.#markAhead = windowsMarked * services.windowMessages;
    this.#next = Math.max(state.nextSeq, state.deliveredBelow, 1);
    this.#committed = this.#next - 1;
    this.#markAsked = state.deliveredBelow;
    this.#markCommitted = state.deliveredBelow;
  }

  /** Above every seq so far. */
  get next(): number {
    return this.#next;
  }

  /** The highest seq whose commit has been heard of. */
  get committed(): number {
    return this.#committed;
  }

  /** `isSoon`: it may be delivered before long, and its flush can bring the mark with it. */
  assign(isSoon: boolean): number {
    const seq = this.#next;
    this.#next += 1;
    if (isSoon) this.#markInTime(seq);
    return seq;
  }

  /** The message of this seq is committed. */
  arrived(seq: number): void {
    this.#committed = Math.max(this.#committed, seq);
  }

  /** False: the mark for it is on its way, and `marked` will tell. */
  mayDeliver(seq: number): boolean {
    this.#markInTime(seq);
    return seq < this.#markCommitted;
  }

  marked(seq: number): void {
    this.#markCommitted = Math.max(this.#markCommitted, seq);
  }

  #markInTime(seq: number): void {
    if (seq + this.#markAhead / 2 <= this.#markAsked) return;
    this.#markAsked = seq + this.#markAhead;
    this.#services.commit.open().mark(this.#home, this.#markAsked);
  }
}
