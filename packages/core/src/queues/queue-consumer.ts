import type {
  Consumer,
  Delivery,
  DeliverySink,
  SettleResult,
  Settlement,
} from "./broker-operations.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";

/** A subscription to a queue: what it has been given and has not settled. */
export class QueueConsumer implements Consumer {
  readonly name: string;
  readonly #home: QueueHome;
  readonly #sink: DeliverySink;
  readonly #prefetch: number;
  readonly #unsettled = new Map<number, Message>();
  #nextTag = 1;
  #room = 0;
  #held: Delivery[] = [];
  #state: "active" | "cancelled" | "closed" = "active";

  constructor(name: string, home: QueueHome, prefetch: number, sink: DeliverySink) {
    this.name = name;
    this.#home = home;
    this.#prefetch = prefetch;
    this.#sink = sink;
  }

  /** Deliveries that it takes in this round. */
  get room(): number {
    return this.#room;
  }

  /** Begins a round of `most` at most. Returns `room`. */
  makeRoom(most: number): number {
    const isOpen = this.#state === "active" && this.#sink.hasRoom();
    this.#room = isOpen ? Math.min(most, this.#prefetch - this.#unsettled.size) : 0;
    return this.#room;
  }

  /** Makes `message` this consumer's; `deliver` sends it. */
  hold(message: Message): void {
    const tag = this.#nextTag;
    this.#nextTag += 1;
    this.#room -= 1;
    this.#unsettled.set(tag, message);
    this.#held.push(deliveryOf(message, tag));
  }

  /** Sends what it was made to hold. */
  deliver(): void {
    if (this.#held.length === 0) return;
    const deliveries = this.#held;
    this.#held = [];
    // Another consumer's deliveries may have ended this one.
    if (this.#state !== "closed") this.#sink.deliver(deliveries);
  }

  settle(tags: readonly number[], settlement: Settlement): SettleResult {
    const unknownTags: number[] = [];
    for (const tag of tags) {
      const message = this.#unsettled.get(tag);
      if (message && this.#unsettled.delete(tag)) this.#home.settle(message, settlement);
      else unknownTags.push(tag);
    }
    return { unknownTags, committed: this.#home.settled() };
  }

  resume(): void {
    if (this.#state === "active") this.#home.wake();
  }

  cancel(): void {
    if (this.#state !== "active") return;
    this.#state = "cancelled";
    this.#home.cancelled(this);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.cancel();
    this.#state = "closed";
    this.#home.left(this);
    const messages = [...this.#unsettled.values()];
    this.#unsettled.clear();
    this.#home.giveBack(messages);
  }

  /** The queue has ended, or what was in it is lost. */
  dismiss(reason: string): void {
    this.#unsettled.clear();
    const wasActive = this.#state === "active";
    this.#state = "closed";
    if (wasActive) this.#sink.cancelled(reason);
  }
}

export function deliveryOf(message: Message, tag: number): Delivery {
  const { event } = message;
  return {
    queue: message.home.name,
    tag,
    id: event.id,
    exchange: event.exchange,
    key: event.key,
    headers: event.headers,
    body: event.body,
    contentType: event.contentType,
    redelivered: message.redelivered,
    attempt: message.attempts + 1,
    publishedAt: event.publishedAt,
    priority: message.priority,
    deaths: message.deaths,
  };
}
