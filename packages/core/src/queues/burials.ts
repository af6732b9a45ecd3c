import type { Timer } from "../ports/clock.ts";
import type { StoredMessage } from "../ports/queue-store.ts";
import type { DeathReason } from "./death-record.ts";
import type { Message } from "./message.ts";
import type { QueueDepth } from "./queue-depth.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

/** A dead letter that finds no room tries again; with so many of them the queue delivers nothing more. */
const buryAgainMs = 1_000;
const unburiedMessages = 1_000;

/** What becomes of a queue's dead messages. Those that find no room where they should go stay, and count as ready. */
export class Burials {
  readonly #home: QueueHome;
  readonly #depth: QueueDepth;
  readonly #services: QueueServices;
  readonly #unburied = new Map<Message, DeathReason>();
  #timer: Timer | undefined;

  constructor(home: QueueHome, depth: QueueDepth, services: QueueServices) {
    this.#home = home;
    this.#depth = depth;
    this.#services = services;
  }

  /** So many have stayed that no more may die, and nothing is delivered. */
  get full(): boolean {
    return this.#unburied.size >= unburiedMessages;
  }

  /** Dead letters that find no room. */
  unburied(): Iterable<Message> {
    return this.#unburied.keys();
  }

  has(row: StoredMessage): boolean {
    return this.#unburied.keys().some(({ lane, seq }) => lane === row.lane && seq === row.seq);
  }

  /** A message that is neither ready nor unsettled any more becomes a dead letter, or is dropped, or stays as it is. */
  bury(message: Message, reason: DeathReason): void {
    if (this.#services.bury(message, reason)) return;
    this.#unburied.set(message, reason);
    this.#depth.addReady(message);
    this.tryLater();
  }

  /** Something finds no room: all of it, and what is above the queue's limits, has another try. */
  tryLater(): void {
    this.#timer ??= this.#services.clock.after(buryAgainMs, () => {
      this.#timer = undefined;
      this.#tryAgain();
    });
  }

  /** Forgets those that have stayed; its caller sees to the depth. */
  clear(): Message[] {
    const unburied = [...this.#unburied.keys()];
    this.#unburied.clear();
    return unburied;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #tryAgain(): void {
    if (this.#home.closed) return;
    const unburied = [...this.#unburied];
    this.#unburied.clear();
    for (const [message, reason] of unburied) {
      this.#depth.removeReady(message);
      this.bury(message, reason);
    }
    this.#home.shed();
    this.#home.wake();
  }
}
