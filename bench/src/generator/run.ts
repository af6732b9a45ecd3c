import { machineCpuSeconds, processCpuSeconds } from "../process-stats.ts";
import { nowMicros, sleep } from "./clock.ts";
import type { MeasureCommand, Measurement, OpenCommand, OpenResult } from "./commands.ts";
import { createDialect } from "./create-dialect.ts";
import { Histogram } from "./histogram.ts";
import { openSockets } from "./open-sockets.ts";
import { encodePayload } from "./payload.ts";
import { openPublisher } from "./open-publisher.ts";
import type { DuePublication, Publisher } from "./publisher.ts";
import { ClientSocket, type Tally } from "./client-socket.ts";

/** Sockets whose every delivery is timed. */
const SAMPLED_SOCKETS = 32;
/** What is still on its way this long after the last publication is late: a little more than one sweep over 10,000 sockets takes. */
const GRACE_MS = 200;
/** After the clocks stopped: give up when nothing arrived for so long, and in any case after so long. */
const DRAIN_IDLE_MS = 500;
const DRAIN_MS = 2_000;

/** The subscribers and the publisher of one server. */
export class GeneratorRun {
  readonly #options: OpenCommand;
  readonly #subscribers: readonly ClientSocket[];
  readonly #publisher: Publisher | undefined;
  readonly #tally: Tally;
  /** Publications so far, per topic. */
  readonly #published: Float64Array;
  #nextTopic = 0;

  private constructor(
    options: OpenCommand,
    subscribers: readonly ClientSocket[],
    publisher: Publisher | undefined,
    tally: Tally,
  ) {
    this.#options = options;
    this.#subscribers = subscribers;
    this.#publisher = publisher;
    this.#tally = tally;
    this.#published = new Float64Array(options.topics);
  }

  static async open(
    options: OpenCommand,
  ): Promise<{ readonly run: GeneratorRun; readonly result: OpenResult }> {
    const started = nowMicros();
    const dialect = createDialect(options.dialect);
    const tally: Tally = {
      deliveries: 0,
      receivedBytes: 0,
      closed: 0,
      firstError: undefined,
      latencyMicros: new Histogram(),
    };
    const every = Math.max(1, Math.floor(options.subscribers / SAMPLED_SOCKETS));
    const subscribers = await openSockets(options.port, options.subscribers, (index, settled) => {
      const topic = index % options.topics;
      return new ClientSocket({
        topic,
        dialect,
        tally,
        path: dialect.subscriberPath(topic),
        hello: dialect.subscriberHello(topic),
        sampled: index % every === 0,
        settled,
      });
    });
    const publisher = options.publishes
      ? await openPublisher(options.port, dialect, tally)
      : undefined;
    const result: OpenResult = {
      kind: "opened",
      subscribers: subscribers.length,
      seconds: (nowMicros() - started) / 1e6,
    };
    return { run: new GeneratorRun(options, subscribers, publisher, tally), result };
  }

  async measure({ rate, seconds }: MeasureCommand): Promise<Measurement> {
    const publisher = this.#publisher;
    if (publisher === undefined) throw new Error("this run has no publisher");
    const tally = this.#tally;
    tally.latencyMicros.reset();
    tally.firstError = undefined;
    const deliveriesBefore = tally.deliveries;
    const bytesBefore = tally.receivedBytes;
    const closedBefore = tally.closed;
    const errorsBefore = publisher.errors;
    const publishedBefore = this.#published.slice();
    const receivedBefore = this.#subscribers.map((subscriber) => subscriber.received);
    const publications = Math.max(1, Math.round(rate * seconds));

    const ownCpuBefore = process.cpuUsage();
    const machineCpuBefore = machineCpuSeconds();
    const serverCpuBefore = processCpuSeconds(this.#options.serverPid);
    const started = nowMicros();
    await this.#publishOnSchedule(publisher, started, rate, publications);
    const stopped = nowMicros();
    const serverCpuSeconds = processCpuSeconds(this.#options.serverPid) - serverCpuBefore;
    const machineCpu = machineCpuSeconds() - machineCpuBefore;
    const ownCpuUsage = process.cpuUsage(ownCpuBefore);
    const ownCpuSeconds = (ownCpuUsage.user + ownCpuUsage.system) / 1e6;
    const deliveriesAtStop = tally.deliveries - deliveriesBefore;

    await sleep(GRACE_MS);
    const inTime = tally.deliveries - deliveriesBefore;
    const expected = this.#subscribers.reduce(
      (sum, { topic }) => sum + this.#publishedSince(publishedBefore, topic),
      0,
    );
    await this.#drain(deliveriesBefore + expected);

    let lost = 0;
    let duplicated = 0;
    let inexactSubscribers = 0;
    this.#subscribers.forEach((subscriber, index) => {
      const missing =
        this.#publishedSince(publishedBefore, subscriber.topic) -
        (subscriber.received - (receivedBefore[index] ?? 0));
      if (missing > 0) lost += missing;
      if (missing < 0) duplicated -= missing;
      if (missing !== 0) inexactSubscribers += 1;
    });
    const wall = (stopped - started) / 1e6;
    const latency = (percent: number): number => tally.latencyMicros.percentile(percent) / 1000;
    return {
      kind: "measured",
      rate,
      seconds: wall,
      publications,
      expectedDeliveries: expected,
      deliveries: tally.deliveries - deliveriesBefore,
      deliveriesPerSecond: deliveriesAtStop / wall,
      inTimeShare: expected === 0 ? 1 : inTime / expected,
      lost,
      duplicated,
      inexactSubscribers,
      closedSubscribers: tally.closed - closedBefore,
      publishErrors: publisher.errors - errorsBefore,
      firstError: tally.firstError,
      latencyMs: {
        p50: latency(50),
        p99: latency(99),
        p999: latency(99.9),
        max: tally.latencyMicros.max / 1000,
      },
      latencySamples: tally.latencyMicros.count,
      serverCpuSeconds,
      generatorCpuShare: ownCpuSeconds / wall,
      otherCpuCores: Math.max(0, machineCpu - serverCpuSeconds - ownCpuSeconds) / wall,
      receivedBytes: tally.receivedBytes - bytesBefore,
    };
  }

  close(): void {
    this.#publisher?.close();
    for (const subscriber of this.#subscribers) subscriber.end();
  }

  #publishedSince(before: Float64Array, topic: number): number {
    return (this.#published[topic] ?? 0) - (before[topic] ?? 0);
  }

  /**
   * Open loop: the k-th publication is due at start + k / rate, however the server does. A late tick sends all that is due, with
   * the intended times in the payload, so that waiting here counts as latency. Resolves right after the last one is sent.
   */
  #publishOnSchedule(
    publisher: Publisher,
    startMicros: number,
    rate: number,
    publications: number,
  ): Promise<void> {
    return new Promise((resolve) => {
      const intervalMicros = 1e6 / rate;
      let sent = 0;
      const tick = (): void => {
        const dueCount = Math.min(
          publications,
          Math.floor((nowMicros() - startMicros) / intervalMicros) + 1,
        );
        const due: DuePublication[] = [];
        for (; sent < dueCount; sent += 1) {
          const topic = this.#nextTopic;
          this.#nextTopic = (topic + 1) % this.#options.topics;
          this.#published[topic] = (this.#published[topic] ?? 0) + 1;
          due.push({ topic, payload: encodePayload(startMicros + sent * intervalMicros) });
        }
        if (due.length > 0) publisher.publish(due);
        if (sent >= publications) {
          resolve();
          return;
        }
        const wait = (startMicros + sent * intervalMicros - nowMicros()) / 1000;
        setTimeout(tick, Math.max(1, wait));
      };
      tick();
    });
  }

  async #drain(deliveries: number): Promise<void> {
    const deadline = nowMicros() + DRAIN_MS * 1000;
    let seen = this.#tally.deliveries;
    let seenAt = nowMicros();
    while (this.#tally.deliveries < deliveries && nowMicros() < deadline) {
      await sleep(10);
      if (this.#tally.deliveries !== seen) {
        seen = this.#tally.deliveries;
        seenAt = nowMicros();
      } else if (nowMicros() - seenAt > DRAIN_IDLE_MS * 1000) {
        return;
      }
    }
  }
}
