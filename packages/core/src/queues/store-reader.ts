import { delayedLane, type Lane, type StoredMessage } from "../ports/queue-store.ts";
import { backOff } from "./back-off.ts";
import type { DelayedPlace } from "./delayed-window.ts";
import { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

interface LanePage {
  readonly lane: Lane;
  /** A seq. */
  readonly after: number;
  readonly limit: number;
  readonly maxBytes: number;
}

interface DelayedPage {
  /** undefined: from the start. */
  readonly after: DelayedPlace | undefined;
  readonly limit: number;
}

/** Reads one queue's messages out of the store, and tries until it can. Answers undefined when the queue was closed. */
export class StoreReader {
  readonly #home: QueueHome;
  readonly #deliveredBelow: number;
  readonly #services: QueueServices;

  /** @param deliveredBelow messages below this seq may have been delivered by an earlier home. */
  constructor(home: QueueHome, deliveredBelow: number, services: QueueServices) {
    this.#home = home;
    this.#deliveredBelow = deliveredBelow;
    this.#services = services;
  }

  lane(page: LanePage): Promise<readonly StoredMessage[] | undefined> {
    const { id, definition } = this.#home;
    const request = { queue: id, durable: definition.durable, ...page };
    return this.#insist(() => this.#services.store.load(request));
  }

  delayed(page: DelayedPage): Promise<readonly StoredMessage[] | undefined> {
    const { id, definition } = this.#home;
    const request = { queue: id, durable: definition.durable, ...page };
    return this.#insist(() => this.#services.store.loadDelayed(request));
  }

  messageOf(row: StoredMessage): Message {
    const message = new Message(this.#home, row.seq, row.event, row);
    message.redelivered =
      row.attempts > 0 || (row.lane !== delayedLane && row.seq < this.#deliveredBelow);
    return message;
  }

  async #insist<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    for (let attempt = 1; !this.#home.closed; attempt += 1) {
      try {
        const result = await read();
        return this.#home.closed ? undefined : result;
      } catch (error) {
        if (attempt === 1)
          this.#services.log.warn(
            { queue: this.#home.name, err: error },
            "could not read a queue; trying again",
          );
        await backOff(attempt, this.#services);
      }
    }
    return undefined;
  }
}
