import type { Settlement } from "../check/history.ts";
import { isRecord } from "../recorder.ts";
import { type ConsumerOptions, type Deed, drawDeed, settlementOf } from "./consumer.ts";
import { askApi } from "./http-api.ts";

const pullLeaseMs = 1_000;

interface Pulled {
  readonly n: number;
  readonly receipt: string;
}

/**
 * Consumes by pull over HTTP, one request after the other: settles at random, extends, lets leases lapse. With `draining`
 * it acknowledges everything.
 */
export class PullConsumer {
  readonly #options: ConsumerOptions;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  /** Until `draining`, and on until `signal`. */
  async run(draining: AbortSignal, signal: AbortSignal): Promise<void> {
    const { server } = this.#options;
    const later = new Set<Promise<void>>();
    while (!signal.aborted) {
      const { incarnation } = server;
      const isDrain = draining.aborted;
      let pulled: readonly Pulled[];
      try {
        pulled = await this.#pull(incarnation);
      } catch {
        await Bun.sleep(50);
        continue;
      }
      for (const work of this.#settleAll(pulled, { incarnation, isDrain })) {
        later.add(work);
        void work.then(() => later.delete(work));
      }
    }
    await Promise.all(later);
  }

  async #pull(incarnation: number): Promise<readonly Pulled[]> {
    const { server, queue, name, random, recorder } = this.#options;
    const answer = await askApi(server, "POST", `/v1/queues/${queue}/pull`, {
      max: 1 + random.int(60),
      wait_ms: 300,
      lease_ms: pullLeaseMs,
    });
    const deliveries: unknown = isRecord(answer) ? answer["deliveries"] : undefined;
    return (Array.isArray(deliveries) ? deliveries : []).flatMap((delivery: unknown) => {
      const n = recorder.delivered(delivery, { queue, consumer: name, incarnation });
      const receipt = isRecord(delivery) ? delivery["receipt"] : undefined;
      return n === undefined || typeof receipt !== "string" ? [] : [{ n, receipt }];
    });
  }

  #settleAll(
    pulled: readonly Pulled[],
    of: { readonly incarnation: number; readonly isDrain: boolean },
  ): Promise<void>[] {
    const { random } = this.#options;
    const deeds = Map.groupBy(pulled, () => (of.isDrain ? "ack" : drawDeed(random)));
    return [...deeds].flatMap(([deed, some]) =>
      deed === "forget" ? [] : [this.#settle(deed, some, of)],
    );
  }

  async #settle(
    deed: Exclude<Deed, "forget">,
    pulled: readonly Pulled[],
    { incarnation, isDrain }: { readonly incarnation: number; readonly isDrain: boolean },
  ): Promise<void> {
    const { server, queue, random, recorder } = this.#options;
    const receipts = pulled.map(({ receipt }) => receipt);
    const settlements: Settlement[] = [];
    try {
      if (deed === "keep") {
        if (random.chance(0.5)) {
          const extension = { receipts, lease_ms: 2 * pullLeaseMs };
          await askApi(server, "POST", `/v1/queues/${queue}/extend`, extension);
        }
        // Some come too late.
        await Bun.sleep(random.int(1.2 * pullLeaseMs));
      }
      const kind = settlementOf[deed];
      for (const { n } of pulled)
        settlements.push(recorder.settling({ n, queue, kind, incarnation, isDrain }));
      const answer = await askApi(server, "POST", `/v1/queues/${queue}/${kind}`, {
        receipts,
        ...(deed === "delay" && { delay_ms: random.int(300) }),
      });
      const results: unknown = isRecord(answer) ? answer["results"] : undefined;
      for (const [index, settlement] of settlements.entries())
        if (Array.isArray(results) && results[index] === "settled")
          settlement.confirmedAt = recorder.now();
    } catch {
      // It may have happened or not.
    }
  }
}
