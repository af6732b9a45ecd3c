import type { QueueConsumer } from "./queue-consumer.ts";
import type { QueueHome } from "./queue-home.ts";

/** A consumer gets as many at a time, so that back-pressure is seen in time. */
const dealtAtOnce = 64;

/** Deals a queue's messages out to its consumers, in turn; of a queue with a single active consumer to the first. */
export class Dealer {
  readonly #home: QueueHome;
  readonly #consumers: QueueConsumer[] = [];
  /** Cancelled, with deliveries that are not settled. */
  readonly #leaving = new Set<QueueConsumer>();
  #turn = 0;

  constructor(home: QueueHome) {
    this.#home = home;
  }

  /** Those that are not cancelled. */
  get consumers(): number {
    return this.#consumers.length;
  }

  add(consumer: QueueConsumer): void {
    this.#consumers.push(consumer);
  }

  /** It gets nothing any more. False: it was not among them. */
  cancelled(consumer: QueueConsumer): boolean {
    const at = this.#consumers.indexOf(consumer);
    if (at < 0) return false;
    this.#consumers.splice(at, 1);
    this.#leaving.add(consumer);
    if (at < this.#turn) this.#turn -= 1;
    return true;
  }

  /** A cancelled consumer has given back what it had. */
  left(consumer: QueueConsumer): void {
    this.#leaving.delete(consumer);
  }

  /** A round to those that have room. False: there was nothing to deal, or nobody to take it. */
  deal(): boolean {
    const { singleActiveConsumer } = this.#home.definition;
    const takers = this.#consumers.slice(0, singleActiveConsumer ? 1 : undefined);
    let room = 0;
    for (const consumer of takers) room += consumer.makeRoom(dealtAtOnce);
    let dealt = 0;
    for (; dealt < room; dealt += 1) {
      let consumer = takers[this.#turn % takers.length];
      for (; consumer?.room === 0; consumer = takers[this.#turn % takers.length]) this.#turn += 1;
      const message = consumer && this.#home.next();
      if (!message) break;
      consumer?.hold(message);
      this.#turn = (this.#turn % takers.length) + 1;
    }
    if (dealt > 0) for (const consumer of takers) consumer.deliver();
    return dealt > 0;
  }

  /** All of them have ended, also those that were leaving. */
  dismiss(reason: string): void {
    const consumers = [...this.#consumers.splice(0), ...this.#leaving];
    this.#leaving.clear();
    this.#turn = 0;
    for (const consumer of consumers) consumer.dismiss(reason);
  }
}
