import type { QueueDefinition } from "../ports/topology-store.ts";
import type { QueueCounts } from "./broker-operations.ts";
import type { Message } from "./message.ts";

/** How much there is of a queue's messages, whether in memory or in the store, and what has become of the others. */
export class QueueDepth {
  #ready = 0;
  #readyBytes = 0;
  #incoming = 0;
  #incomingBytes = 0;
  unsettled = 0;
  /** Since this node became the queue's home. */
  readonly counts: { -readonly [Name in keyof QueueCounts]: QueueCounts[Name] } = {
    published: 0,
    delivered: 0,
    redelivered: 0,
    acknowledged: 0,
    dead: 0,
    expired: 0,
    dropped: 0,
  };

  /** Those in a lane, and dead letters that find no room. */
  get ready(): number {
    return this.#ready;
  }

  get readyBytes(): number {
    return this.#readyBytes;
  }

  /** Those on their way into the queue, or to another place in it. */
  get incoming(): number {
    return this.#incoming;
  }

  /** What an earlier home has left in a lane. */
  addStored({ messages, bytes }: { readonly messages: number; readonly bytes: number }): void {
    this.#ready += messages;
    this.#readyBytes += bytes;
  }

  addReady(message: Message): void {
    this.#ready += 1;
    this.#readyBytes += message.bytes;
  }

  removeReady(message: Message): void {
    this.#ready -= 1;
    this.#readyBytes -= message.bytes;
  }

  addIncoming(message: Message): void {
    this.#incoming += 1;
    this.#incomingBytes += message.bytes;
  }

  removeIncoming(message: Message): void {
    this.#incoming -= 1;
    this.#incomingBytes -= message.bytes;
  }

  /** False: with one more message of `bytes` the queue would be above the limits. */
  hasRoom(bytes: number, { maxLength, maxBytes }: QueueDefinition): boolean {
    if (maxLength !== undefined && this.#ready + this.#incoming >= maxLength) return false;
    return maxBytes === undefined || this.#readyBytes + this.#incomingBytes + bytes <= maxBytes;
  }

  /** What is ready is more than the limits allow. */
  isAbove({ maxLength = Infinity, maxBytes = Infinity }: QueueDefinition): boolean {
    return this.#ready > maxLength || (this.#readyBytes > maxBytes && this.#ready > 0);
  }

  /** These are ready, and no others. */
  recountReady(...ready: readonly Iterable<Message>[]): void {
    this.#ready = 0;
    this.#readyBytes = 0;
    for (const messages of ready) for (const message of messages) this.addReady(message);
  }
}
