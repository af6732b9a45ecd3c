import type { Settlement } from "../check/history.ts";
import { isRecord } from "../recorder.ts";
import { ClientConnection } from "./client-connection.ts";
import { type ConsumerOptions, type Deed, drawDeed, settlementOf } from "./consumer.ts";

const prefetch = 40;

/**
 * Consumes over a WebSocket: settles at random, by calls that are answered and by messages that are not, and vanishes
 * every second or so with what it has. With `draining` it stays, acknowledges everything and waits for the answers.
 */
export class SocketConsumer {
  readonly #options: ConsumerOptions;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Until `draining`, and on until `signal`. */
  async run(draining: AbortSignal, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isDrain = draining.aborted;
      try {
        await this.#consume(isDrain, isDrain ? signal : AbortSignal.any([draining, signal]));
      } catch {
        await Bun.sleep(50);
      }
    }
  }

  /** One connection, until `signal` or its end. */
  async #consume(isDrain: boolean, signal: AbortSignal): Promise<void> {
    const { server, queue, name, random, recorder } = this.#options;
    const { incarnation } = server;
    const deliveries: { readonly n: number; readonly tag: number }[] = [];
    let work = Promise.withResolvers<void>();
    const connection = await ClientConnection.open({
      url: server.url,
      token: server.token(name),
      onMessage: (data) => {
        if (data["type"] === "cancelled") return connection.vanish();
        if (data["type"] !== "delivery") return;
        const n = recorder.delivered(data, { queue, consumer: name, incarnation });
        const tag = data["tag"];
        if (n !== undefined && typeof tag === "number") deliveries.push({ n, tag });
        work.resolve();
      },
    });
    const lifeMs = isDrain ? undefined : 200 + random.int(1_500);
    const timer = lifeMs === undefined ? undefined : setTimeout(() => connection.vanish(), lifeMs);
    const leave = (): void => (random.chance(0.5) ? connection.close() : connection.vanish());
    signal.addEventListener("abort", leave);
    void connection.ended.then(() => work.resolve());
    try {
      if (signal.aborted) return;
      const { consumer } = await connection.rpc("queue.consume", { queue, prefetch });
      while (connection.isOpen) {
        await work.promise;
        work = Promise.withResolvers<void>();
        this.#settle(connection, { consumer, incarnation, isDrain }, deliveries.splice(0));
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #settle(
    connection: ClientConnection,
    of: { readonly consumer: unknown; readonly incarnation: number; readonly isDrain: boolean },
    deliveries: readonly { readonly n: number; readonly tag: number }[],
  ): void {
    const { random } = this.#options;
    const deeds = Map.groupBy(deliveries, () => (of.isDrain ? "ack" : drawDeed(random)));
    for (const [deed, some] of deeds) {
      if (deed === "forget") continue;
      if (deed !== "keep") this.#do(connection, of, deed, some);
      // Without a timer that somebody would have to wait for: the connection may be gone by then.
      else setTimeout(() => this.#do(connection, of, deed, some), random.int(400)).unref();
    }
  }

  #do(
    connection: ClientConnection,
    of: { readonly consumer: unknown; readonly incarnation: number; readonly isDrain: boolean },
    deed: Exclude<Deed, "forget">,
    deliveries: readonly { readonly n: number; readonly tag: number }[],
  ): void {
    if (!connection.isOpen) return;
    const { queue, random, recorder } = this.#options;
    const { consumer, incarnation, isDrain } = of;
    const kind = settlementOf[deed];
    const settlements = new Map(
      deliveries.map(({ n, tag }) => [
        tag,
        recorder.settling({ n, queue, kind, incarnation, isDrain }),
      ]),
    );
    const data = {
      type: kind,
      consumer,
      tags: [...settlements.keys()],
      ...(deed === "delay" && { delay_ms: random.int(300) }),
    };
    if (!isDrain && random.chance(0.4)) connection.send(data);
    else void this.#ask(connection, data, settlements);
  }

  async #ask(
    connection: ClientConnection,
    data: unknown,
    settlements: ReadonlyMap<number, Settlement>,
  ): Promise<void> {
    try {
      const { unknown } = await connection.rpc("queue.settle", data);
      const unknownTags: ReadonlySet<unknown> = new Set(Array.isArray(unknown) ? unknown : []);
      for (const [tag, settlement] of settlements)
        if (!unknownTags.has(tag)) settlement.confirmedAt = this.#options.recorder.now();
    } catch (error) {
      // It may have happened or not. What has failed is not asked for again on this connection.
      if (isRecord(error)) connection.vanish();
    }
  }
}
