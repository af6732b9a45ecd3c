import type { Centrifuge } from "centrifuge";
import { until } from "../../../sdk/harness/until.ts";
import {
  type DeliveryMembers,
  type Destination,
  type EventMembers,
  type Published,
  refusal,
  type Taken,
  type Way,
} from "./way.ts";

/** The data of a `message` push. */
export interface Told extends Partial<DeliveryMembers> {
  readonly type: string;
  readonly consumer?: string;
  readonly tag?: number;
  readonly tags?: readonly number[];
  readonly code?: number;
  readonly of?: string;
  readonly reason?: string;
}

type Delivered = Told & DeliveryMembers & { readonly consumer: string; readonly tag: number };

/** A program with the stock SDK. */
export class SdkWay implements Way {
  readonly sdk: Centrifuge;
  /** Everything that is no delivery. */
  readonly told: Told[] = [];
  readonly #delivered = new Map<string, Delivered[]>();
  /** Queues that `take` consumes from. */
  readonly #consumed = new Set<string>();

  constructor(sdk: Centrifuge) {
    this.sdk = sdk;
    sdk.on("message", ({ data }) => {
      // The server's own messages.
      const told = data as Told;
      if (isDelivery(told)) this.delivered(told.consumer).push(told);
      else this.told.push(told);
    });
  }

  async call<Result = Readonly<Record<string, unknown>>>(
    method: string,
    data: object = {},
  ): Promise<Result> {
    const answer = await this.sdk.rpc(method, data);
    // Of the shape that the documentation describes.
    return answer.data as Result;
  }

  /** All that a consumer was delivered. */
  delivered(consumer: string): Delivered[] {
    const before = this.#delivered.get(consumer) ?? [];
    this.#delivered.set(consumer, before);
    return before;
  }

  /** Returns the consumer. */
  async consume(queue: string, prefetch = 5_000): Promise<string> {
    const { consumer } = await this.call<{ readonly consumer: string }>("queue.consume", {
      queue,
      prefetch,
    });
    return consumer;
  }

  /** Waits until `consumer` has been delivered `count` in all; returns them. */
  async deliveries(consumer: string, count: number): Promise<readonly Delivered[]> {
    await until(() => this.delivered(consumer).length >= count);
    return this.delivered(consumer);
  }

  settle(consumer: string, type: string, tags: readonly number[], more = {}): Promise<object> {
    return this.call("queue.settle", { type, consumer, tags, ...more });
  }

  async declareExchange(name: string, members: object = { type: "topic" }): Promise<void> {
    await this.call("exchange.declare", { name, ...members });
  }

  async declareQueue(name: string, members: object = {}): Promise<string> {
    const declared = await this.call("queue.declare", { name, ...members });
    return String(declared["name"]);
  }

  async bind(
    exchange: string,
    key: string,
    destination: Destination,
    more: object = {},
  ): Promise<void> {
    await this.call("binding.create", { exchange, key, destination, ...more });
  }

  async publish(event: EventMembers): Promise<Published> {
    const work = this.call<Published>("exchange.publish", event);
    return (await refusal(work)) ?? work;
  }

  /** A consumer per queue; it goes on with the next call. */
  async take(queue: string, count: number): Promise<readonly Taken[]> {
    if (!this.#consumed.has(queue)) {
      this.#consumed.add(queue);
      await this.consume(queue);
    }
    const taken: Taken[] = [];
    while (taken.length < count) {
      const next = this.#nextOf(queue);
      if (next) taken.push(this.#takenOf(next));
      else await until(() => this.#waiting(queue).length > 0);
    }
    return taken;
  }

  #waiting(queue: string): Delivered[] {
    return [...this.#delivered.values()].find(([first]) => first?.queue === queue) ?? [];
  }

  #nextOf(queue: string): Delivered | undefined {
    return this.#waiting(queue).shift();
  }

  #takenOf(delivery: Delivered): Taken {
    const settle = async (type: string, more = {}): Promise<void> => {
      await this.settle(delivery.consumer, type, [delivery.tag], more);
    };
    return { ...delivery, settle };
  }
}

function isDelivery(told: Told): told is Delivered {
  return told.type === "delivery";
}
