import { z } from "zod";

const pullSchema = z.object({
  deliveries: z.array(
    z.object({
      receipt: z.string(),
      redelivered: z.boolean(),
      attempt: z.number(),
      body: z.object({ line: z.number() }),
    }),
  ),
});
const settledSchema = z.object({ results: z.array(z.enum(["settled", "unknown"])) });

export interface QueueDrainOptions {
  readonly url: string;
  readonly apiKey: string;
  readonly queue: string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A worker that pulls a queue, nacks now and then, and writes down what it was given and what it got rid of. */
export class QueueDrain {
  readonly #options: QueueDrainOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  /** Lines whose acknowledgement was confirmed, in order. */
  readonly acknowledged: number[] = [];
  /** Lines that were given at first, in order. */
  readonly firstDeliveries: number[] = [];
  /** Lines that came again without a flag. */
  readonly unflagged: number[] = [];
  readonly #seen = new Set<number>();
  nacks = 0;
  failures = 0;

  constructor(options: QueueDrainOptions) {
    this.#options = options;
    this.#ended = this.#work();
  }

  get seen(): ReadonlySet<number> {
    return this.#seen;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #work(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#pullOnce();
      } catch {
        this.failures += 1; // the server is away
        await Bun.sleep(20);
      }
    }
  }

  async #pullOnce(): Promise<void> {
    const { random } = this.#options;
    const { deliveries } = pullSchema.parse(
      await this.#post("pull", { max: 50, wait_ms: 200, lease_ms: 20_000 }),
    );
    const acked: (typeof deliveries)[number][] = [];
    const nacked: string[] = [];
    for (const delivery of deliveries) {
      const { line } = delivery.body;
      if (!this.#seen.has(line)) this.firstDeliveries.push(line);
      else if (!delivery.redelivered) this.unflagged.push(line);
      this.#seen.add(line);
      if (random() < 0.1) nacked.push(delivery.receipt);
      else acked.push(delivery);
    }
    if (nacked.length > 0) await this.#post("nack", { receipts: nacked });
    this.nacks += nacked.length;
    if (acked.length === 0) return;
    const receipts = acked.map(({ receipt }) => receipt);
    const { results } = settledSchema.parse(await this.#post("ack", { receipts }));
    for (const [index, { body }] of acked.entries()) {
      if (results[index] === "settled") this.acknowledged.push(body.line);
    }
  }

  async #post(verb: string, body: unknown): Promise<unknown> {
    const { url, apiKey, queue } = this.#options;
    const response = await fetch(`${url}/v1/queues/${queue}/${verb}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-API-Key": apiKey },
      body: JSON.stringify(body),
      signal: this.#stopping.signal,
    });
    if (!response.ok) throw new Error(`${verb}: HTTP ${response.status}`);
    return response.json();
  }
}
