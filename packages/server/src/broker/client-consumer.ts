import type { Consumer, Delivery, DeliverySink, Settlement, SettleResult } from "@switchyard/core";
import { type JsonText, toJsonText } from "@switchyard/protocol";
import { DeliveryText } from "./delivery-json.ts";

/** What a consumer asks of its connection. */
export interface DeliveryOutlet {
  /** Sends in order, now or when there is room again. */
  push(data: readonly JsonText[]): void;
  hasRoom(): boolean;
  /** The consumer has nothing more to do. */
  forget(consumer: ClientConsumer): void;
}

/**
 * A consumer of one connection.
 *
 * unanswered (the client does not know its name yet: what is delivered is held, and there is no room) → active →
 * cancelled (delivers nothing, until the last of its deliveries is settled) → closed. The end of its queue or its
 * connection closes it from every state.
 */
export class ClientConsumer implements DeliverySink {
  readonly queue: string;
  readonly #outlet: DeliveryOutlet;
  #consumer: Consumer | undefined;
  #text: DeliveryText | undefined;
  #held: Delivery[] = [];
  /** Why the queue ended, before the client was answered. */
  #heldReason: string | undefined;
  #answered = false;
  #cancelled = false;
  #closed = false;
  #unsettled = 0;

  constructor(queue: string, outlet: DeliveryOutlet) {
    this.queue = queue;
    this.#outlet = outlet;
  }

  get name(): string {
    return this.#consumer?.name ?? "";
  }

  /** The broker has taken it. */
  begin(consumer: Consumer): void {
    this.#consumer = consumer;
    this.#text = new DeliveryText(consumer.name, this.queue);
    if (this.#closed) consumer.close();
  }

  /** The client knows its name. */
  answered(): void {
    this.#answered = true;
    const held = this.#held;
    this.#held = [];
    this.#send(held);
    if (this.#heldReason !== undefined) this.cancelled(this.#heldReason);
    else this.resume();
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.#unsettled += deliveries.length;
    if (this.#answered) this.#send(deliveries);
    else for (const delivery of deliveries) this.#held.push(delivery);
  }

  hasRoom(): boolean {
    return this.#answered && this.#outlet.hasRoom();
  }

  cancelled(reason: string): void {
    if (this.#closed) return;
    if (!this.#answered) {
      this.#heldReason = reason;
      return;
    }
    const { name, queue } = this;
    this.#outlet.push([toJsonText({ type: "cancelled", consumer: name, queue, reason })]);
    this.close();
  }

  resume(): void {
    if (!this.#cancelled && !this.#closed) this.#consumer?.resume();
  }

  /** Unknown tags settle nothing, and are returned. */
  settle(tags: readonly number[], settlement: Settlement): SettleResult {
    if (this.#consumer === undefined) return { unknownTags: tags, committed: Promise.resolve() };
    const result = this.#consumer.settle(tags, settlement);
    this.#unsettled -= tags.length - result.unknownTags.length;
    if (this.#cancelled) this.#closeWhenSettled();
    return result;
  }

  /** Of the client. What it has been sent it may still settle. */
  cancel(): void {
    this.#cancelled = true;
    this.#consumer?.cancel();
    this.#closeWhenSettled();
  }

  /** Idempotent. What is unsettled goes back to the queue. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = [];
    this.#outlet.forget(this);
    this.#consumer?.close();
  }

  #closeWhenSettled(): void {
    if (this.#unsettled <= 0) this.close();
  }

  #send(deliveries: readonly Delivery[]): void {
    const text = this.#text;
    if (text !== undefined && deliveries.length > 0)
      this.#outlet.push(deliveries.map((delivery) => text.of(delivery)));
  }
}
