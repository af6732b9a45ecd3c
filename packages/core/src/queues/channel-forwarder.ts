import type { Payload } from "@switchyard/protocol";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { backOff } from "./back-off.ts";
import type { Consumer, Delivery, DeliverySink } from "./broker-operations.ts";

/** Publishes to a channel. Rejects with `badRequest` or `unknownChannel` when it never will. */
export type PublishToChannel = (
  channel: string,
  data: Payload,
  idempotencyKey: string,
) => Promise<void>;

/** Publications under way at most. */
export const forwarderPrefetch = 1_000;

interface ChannelForwarderOptions {
  readonly publish: PublishToChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Takes events out of the internal queue and publishes them to their channels, those of one channel in order: when the
 * bus is away the first one is tried until it succeeds, and the others behind it wait. A repeated delivery is no second
 * publication, because the bus knows its key.
 */
export class ChannelForwarder implements DeliverySink {
  readonly #options: ChannelForwarderOptions;
  readonly #lastOf = new Map<string, Promise<void>>();
  #consumer: Consumer | undefined;
  #stopped = false;

  constructor(options: ChannelForwarderOptions) {
    this.#options = options;
  }

  start(consume: (sink: DeliverySink) => Consumer): void {
    this.#consumer = consume(this);
  }

  /** Begins no other publication; fulfils when those under way have ended. */
  async drain(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lastOf.values());
  }

  stop(): void {
    this.#stopped = true;
    this.#consumer?.close();
  }

  hasRoom(): boolean {
    return true;
  }

  cancelled(): void {
    this.#stopped = true;
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const channel = delivery.key;
      const before = this.#lastOf.get(channel);
      const forwarded = before
        ? before.then(() => this.#forward(channel, delivery))
        : this.#forward(channel, delivery);
      this.#lastOf.set(channel, forwarded);
      void forwarded.then(() => {
        if (this.#lastOf.get(channel) === forwarded) this.#lastOf.delete(channel);
      });
    }
  }

  /** Never rejects. */
  async #forward(channel: string, delivery: Delivery): Promise<void> {
    const { publish, log } = this.#options;
    for (let attempt = 1; !this.#stopped; attempt += 1) {
      try {
        await publish(channel, delivery.body, `event:${delivery.id}`);
        this.#consumer?.settle([delivery.tag], { type: "ack" });
        return;
      } catch (error) {
        if (isFinal(error)) {
          log.warn(
            { channel, event: delivery.id, err: error },
            "an event cannot be published to its channel",
          );
          this.#consumer?.settle([delivery.tag], { type: "reject" });
          return;
        }
        if (attempt === 1) log.warn({ channel, err: error }, "an event waits for its channel");
        await backOff(attempt, this.#options);
      }
    }
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof SwitchyardError && !error.row.temporary;
}
