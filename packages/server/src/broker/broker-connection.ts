import { type Caller, SwitchyardError } from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";
import type { ClientConsumer, DeliveryOutlet } from "./client-consumer.ts";

/** Consumers of one connection. */
const mostConsumers = 256;
/** Characters of published events that one connection may have unconfirmed. */
const publishCharacters = 16_777_216;

/** What one connection has with the broker: its consumers, its exclusive queues, what it publishes at the moment. */
export class BrokerConnection implements DeliveryOutlet {
  readonly caller: Caller;
  readonly #consumers = new Map<string, ClientConsumer>();
  /** Have been given to the broker, their client has not been answered yet. */
  readonly #beginning = new Set<ClientConsumer>();
  readonly exclusiveQueues = new Set<string>();
  /** What there was no room for. */
  #waiting: JsonText[] = [];
  #publishing = 0;

  constructor(caller: Caller) {
    this.caller = caller;
    caller.onDrained(() => this.#drained());
  }

  /** Throws `tooManyRequests` when too much is unconfirmed; else counts `characters` until `confirmed`. */
  publishing(characters: number): void {
    // One event may be larger than all of them together.
    if (this.#publishing > 0 && this.#publishing + characters > publishCharacters) {
      throw new SwitchyardError("tooManyRequests", {
        detail: `too many requests: more than ${publishCharacters} characters of events are unconfirmed`,
      });
    }
    this.#publishing += characters;
  }

  confirmed(characters: number): void {
    this.#publishing -= characters;
  }

  /** Throws `limitExceeded` for one too many. */
  begin(consumer: ClientConsumer): void {
    if (this.#consumers.size + this.#beginning.size >= mostConsumers) {
      throw new SwitchyardError("limitExceeded", {
        detail: `limit exceeded: a connection has at most ${mostConsumers} consumers`,
      });
    }
    this.#beginning.add(consumer);
  }

  /** It has a name from now on. */
  add(consumer: ClientConsumer): void {
    if (this.#beginning.delete(consumer)) this.#consumers.set(consumer.name, consumer);
  }

  consumer(name: string): ClientConsumer | undefined {
    return this.#consumers.get(name);
  }

  forget(consumer: ClientConsumer): void {
    this.#beginning.delete(consumer);
    this.#consumers.delete(consumer.name);
  }

  push(data: readonly JsonText[]): void {
    const sent = this.#waiting.length === 0 ? this.caller.sendWhileRoom(data) : 0;
    // Bounded by what the consumers may have unsettled.
    for (let index = sent; index < data.length; index += 1) {
      const one = data[index];
      if (one !== undefined) this.#waiting.push(one);
    }
  }

  hasRoom(): boolean {
    return this.#waiting.length === 0 && this.caller.hasRoom();
  }

  /** The connection has ended. */
  close(): void {
    for (const consumer of [...this.#beginning, ...this.#consumers.values()]) consumer.close();
    this.#waiting = [];
  }

  #drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.push(waiting);
    for (const [name, consumer] of [...this.#consumers]) {
      if (!this.hasRoom()) return;
      // Whoever has had its turn is the last next time.
      if (this.#consumers.delete(name)) this.#consumers.set(name, consumer);
      consumer.resume();
    }
  }
}
