import { delayedLane, type Lane } from "../ports/queue-store.ts";
import type { Message } from "./message.ts";
import type { QueueDepth } from "./queue-depth.ts";
import type { QueueServices } from "./queue-services.ts";
import type { SeqSource } from "./seq-source.ts";

/** A queue's messages on their way to another place in it: to be delivered later, or ready now after a delay. */
export class Moves {
  readonly #depth: QueueDepth;
  readonly #seqs: SeqSource;
  readonly #services: QueueServices;
  readonly #moving = new Set<Message>();

  constructor(depth: QueueDepth, seqs: SeqSource, services: QueueServices) {
    this.#depth = depth;
    this.#seqs = seqs;
    this.#services = services;
  }

  get size(): number {
    return this.#moving.size;
  }

  /** It counts as incoming until the home hears that it has `moved` or not. */
  begin(message: Message, newLane: Lane): void {
    this.#depth.addIncoming(message);
    this.#moving.add(message);
    const seq = this.#seqs.assign(newLane !== delayedLane);
    this.#services.commit.open().move(message, newLane, seq);
  }

  /** False: it was lost with the transient table. */
  end(message: Message): boolean {
    return this.#moving.delete(message);
  }

  /** The store has lost them. */
  clear(): void {
    for (const message of this.#moving) this.#depth.removeIncoming(message);
    this.#moving.clear();
  }
}
