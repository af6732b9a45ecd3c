import type { SeededRandom } from "@switchyard/testkit";
import type { Recorder } from "../recorder.ts";
import type { ServerUnderTest } from "../world/server-under-test.ts";
import { HttpPublisher } from "./http-publisher.ts";
import { PullConsumer } from "./pull-consumer.ts";
import { SocketConsumer } from "./socket-consumer.ts";
import { SocketPublisher } from "./socket-publisher.ts";
import { boundedQueue, plainQueue, retriedQueue } from "./topology.ts";

/** Publishers give up on what they send again so long after the last fault. */
const lastTriesMs = 20_000;

export interface LoadOptions {
  readonly server: ServerUnderTest;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  /** Events per second, of all publishers together, about. */
  readonly rate: number;
}

/** All publishers and consumers of a run. They begin at once; disposing ends them, whatever they do. */
export class Load implements AsyncDisposable {
  readonly #publishing = new AbortController();
  readonly #givenUp = new AbortController();
  readonly #draining = new AbortController();
  readonly #consuming = new AbortController();
  readonly #publishers: readonly Promise<void>[];
  readonly #consumers: readonly Promise<void>[];

  constructor({ server, recorder, random, rate }: LoadOptions) {
    const actor = (name: string): Omit<LoadOptions, "rate"> & { readonly name: string } => ({
      name,
      server,
      recorder,
      random: random.fork(),
    });
    this.#publishers = [
      new SocketPublisher({ ...actor("p1"), rate: rate / 4 }),
      new SocketPublisher({ ...actor("p2"), rate: rate / 4 }),
      new HttpPublisher({ ...actor("p3"), rate: rate / 4 }),
      new HttpPublisher({ ...actor("p4"), rate: rate / 4 }),
    ].map((publisher) => publisher.run(this.#publishing.signal, this.#givenUp.signal));
    this.#consumers = [
      new SocketConsumer({ ...actor("c1"), queue: plainQueue }),
      new SocketConsumer({ ...actor("c2"), queue: plainQueue }),
      new SocketConsumer({ ...actor("c3"), queue: retriedQueue }),
      new PullConsumer({ ...actor("c4"), queue: retriedQueue }),
      new PullConsumer({ ...actor("c5"), queue: boundedQueue }),
      new SocketConsumer({ ...actor("c6"), queue: boundedQueue }),
    ].map((consumer) => consumer.run(this.#draining.signal, this.#consuming.signal));
  }

  /** Nothing new is published. Fulfils when the events with a given id are confirmed, or have been tried long enough. */
  async stopPublishing(): Promise<void> {
    this.#publishing.abort();
    const timer = setTimeout(() => this.#givenUp.abort(), lastTriesMs);
    await Promise.all(this.#publishers);
    clearTimeout(timer);
  }

  /** From now on consumers acknowledge everything. */
  drain(): void {
    this.#draining.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.#publishing, this.#givenUp, this.#draining, this.#consuming])
      one.abort();
    await Promise.allSettled([...this.#publishers, ...this.#consumers]);
  }
}
