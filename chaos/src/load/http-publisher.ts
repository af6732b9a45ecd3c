import { isRecord } from "../recorder.ts";
import { askApi } from "./http-api.ts";
import { EventSource, type Outgoing, type PublisherOptions } from "./publisher.ts";
import { exchange } from "./topology.ts";

const largestBatch = 25;

/** Publishes batches over HTTP, one after the other. */
export class HttpPublisher {
  readonly #options: PublisherOptions;
  readonly #source: EventSource;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#source = new EventSource(options);
  }

  /** Until `signal`, and then until every event with a given id is confirmed or `giveUp`. */
  async run(signal: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { random, rate } = this.#options;
    while (!giveUp.aborted && (!signal.aborted || this.#source.hasRepetitions)) {
      const batch: Outgoing[] = [];
      const size = 1 + random.int(largestBatch);
      while (batch.length < size && (!signal.aborted || this.#source.hasRepetitions))
        batch.push(this.#source.next(random.chance(0.5) || signal.aborted));
      await this.#publish(batch);
      await Bun.sleep((1_000 * batch.length) / rate);
    }
  }

  async #publish(batch: readonly Outgoing[]): Promise<void> {
    const { server, recorder } = this.#options;
    let results: readonly unknown[] = [];
    try {
      const events = batch.map(({ event }) => event);
      const answer = await askApi(server, "POST", `/v1/exchanges/${exchange}/publish`, { events });
      if (isRecord(answer) && Array.isArray(answer["results"])) results = answer["results"];
    } catch {
      // No outcome of any of them is known.
    }
    let areAllKnown = true;
    for (const [index, outgoing] of batch.entries()) {
      const result = results[index];
      if (isRecord(result) && !("error" in result)) recorder.confirm(outgoing.publish, result);
      else {
        areAllKnown = false;
        this.#source.unanswered(outgoing);
      }
    }
    if (areAllKnown) return;
    this.#source.newSession();
    await Bun.sleep(50);
  }
}
