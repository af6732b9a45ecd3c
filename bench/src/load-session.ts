import type { Affinity } from "./affinity.ts";
import type { Measurement } from "./generator/commands.ts";
import { GeneratorProcess } from "./generator-process.ts";
import type { Addressing, Peer, RunningPeer } from "./peers/peer.ts";
import { processRssBytes } from "./process-stats.ts";
import { isDisturbed, searchRate, type SearchResult } from "./rate-search.ts";

export interface Load {
  readonly subscribers: number;
  /** Subscriber i follows topic i modulo this. */
  readonly topics: number;
  readonly addressing: Addressing;
}

export interface LoadMeasurement extends Measurement {
  /** Peak during the measurement, sampled ten times a second; the server's process alone. */
  readonly serverRssPeakBytes: number;
}

const RSS_SAMPLE_MS = 100;
/** Before the first measurement after a start, at a tenth of its rate: the servers compile their code while they run. */
const WARM_UP_SECONDS = 0.5;

/** One server under one load. After a measurement that left deliveries behind, both start anew before the next one. */
export class LoadSession implements AsyncDisposable {
  readonly #peer: Peer;
  readonly #load: Load;
  readonly #affinity: Affinity;
  readonly #signal: AbortSignal;
  #server: RunningPeer | undefined;
  #generator: GeneratorProcess | undefined;

  /** @param signal Ends the measurement under way with an error. */
  constructor(peer: Peer, load: Load, affinity: Affinity, signal: AbortSignal) {
    this.#signal = signal;
    this.#peer = peer;
    this.#load = load;
    this.#affinity = affinity;
  }

  /** @throws Error when the server does not start or not all subscribers can be opened. */
  async measure(rate: number, seconds: number): Promise<LoadMeasurement> {
    const { server, generator } = await this.#ready(rate);
    let serverRssPeakBytes = processRssBytes(server.pid);
    const sampler = setInterval(() => {
      serverRssPeakBytes = Math.max(serverRssPeakBytes, processRssBytes(server.pid));
    }, RSS_SAMPLE_MS);
    try {
      const measured = await generator.measure(rate, seconds);
      const isClean = measured.inexactSubscribers === 0 && measured.closedSubscribers === 0;
      if (!isClean) await this[Symbol.asyncDispose]();
      return { ...measured, serverRssPeakBytes };
    } finally {
      clearInterval(sampler);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The clients go first, so that the server has no one to say goodbye to.
    await this.#generator?.[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
    this.#generator = undefined;
    this.#server = undefined;
  }

  async #ready(
    rate: number,
  ): Promise<{ readonly server: RunningPeer; readonly generator: GeneratorProcess }> {
    if (this.#server !== undefined && this.#generator !== undefined)
      return { server: this.#server, generator: this.#generator };
    this.#server = await this.#peer.start(this.#affinity.server, this.#load.addressing);
    this.#generator = new GeneratorProcess(this.#affinity.generator, this.#signal);
    await this.#generator.open({
      port: this.#server.port,
      serverPid: this.#server.pid,
      dialect: this.#server.dialect,
      subscribers: this.#load.subscribers,
      topics: this.#load.topics,
      publishes: true,
    });
    await this.#generator.measure(rate / 10, WARM_UP_SECONDS);
    return { server: this.#server, generator: this.#generator };
  }
}

/** Whether the server kept up: 99 % there within 200 ms of the last publication, p99 within a second, nothing lost or refused. */
export function keptUp(measured: Measurement): boolean {
  return (
    measured.inTimeShare >= 0.99 &&
    measured.latencyMs.p99 <= 1_000 &&
    measured.inexactSubscribers === 0 &&
    measured.closedSubscribers === 0 &&
    measured.publishErrors === 0
  );
}

/** A process that uses more of its core has no more to give. */
const FULL_CORE = 0.9;
export function serverCpuShare(measured: Measurement): number {
  return measured.serverCpuSeconds / measured.seconds;
}

/**
 * Whose core was full. A busy generator alone says little, because it reads in smaller pieces while it has time: the same
 * generator takes four times as much from a faster server. Only when the server had time left was the generator the limit.
 */
export function limitOf(measured: Measurement): string {
  const isGeneratorFull = measured.generatorCpuShare > FULL_CORE;
  if (serverCpuShare(measured) > FULL_CORE)
    return isGeneratorFull ? "both cores full" : "server's core full";
  return isGeneratorFull ? "GENERATOR-BOUND: the server can do more" : "neither core full";
}

export type Saturation = SearchResult<LoadMeasurement> & {
  /** Highest deliveries per second seen in any step, kept up or not. */
  readonly peakDeliveriesPerSecond: number;
};

export async function searchSaturation(
  session: Pick<LoadSession, "measure">,
  startRate: number,
  seconds: number,
  told: (step: LoadMeasurement) => void,
): Promise<Saturation> {
  const found = await searchRate({
    measure: (rate) => session.measure(rate, seconds),
    keptUp,
    isDisturbed,
    startRate,
    told,
  });
  return {
    ...found,
    peakDeliveriesPerSecond: Math.max(...found.steps.map((step) => step.deliveriesPerSecond)),
  };
}
