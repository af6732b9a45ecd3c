import { fileURLToPath } from "node:url";
import type { Affinity } from "../affinity.ts";
import type { BrokerCommand, BrokerMeasurement, BrokerResult } from "../broker-load/commands.ts";
import { CommandProcess } from "../command-process.ts";
import type { BrokerPeer, BrokerUse, Cores, RunningBroker } from "../peers/broker-peer.ts";
import { processRssBytes, treePssBytes } from "../process-stats.ts";
import { quietMoment } from "../quiet-moment.ts";

const main = fileURLToPath(new URL("../broker-load/main.ts", import.meta.url));

export interface BrokerFigures extends BrokerMeasurement {
  /** Peak during the measurement, sampled ten times a second; the broker's process alone. */
  readonly serverRssPeakBytes: number;
  /** Of the database's processes, after the measurement; what they share counts once. */
  readonly storeBytes: number;
}

const RSS_SAMPLE_MS = 100;
/** Before the first measurement after a start: the servers compile their code while they run. */
const WARM_UP_SECONDS = 2;

/** One broker in one use. After a measurement that left messages behind, both sides start anew before the next one. */
export class BrokerSession implements AsyncDisposable {
  readonly #peer: BrokerPeer;
  readonly #use: BrokerUse;
  readonly #cores: Cores;
  readonly #affinity: Affinity;
  readonly #signal: AbortSignal;
  readonly #patienceSeconds: number;
  #broker: RunningBroker | undefined;
  #generator: CommandProcess | undefined;

  constructor(options: {
    readonly peer: BrokerPeer;
    readonly use: BrokerUse;
    readonly cores: Cores;
    readonly affinity: Affinity;
    /** How long a measurement waits for other processes to leave the machine alone. */
    readonly patienceSeconds: number;
    /** Ends the measurement under way with an error. */
    readonly signal: AbortSignal;
  }) {
    this.#peer = options.peer;
    this.#use = options.use;
    this.#cores = options.cores;
    this.#affinity = options.affinity;
    this.#patienceSeconds = options.patienceSeconds;
    this.#signal = options.signal;
  }

  /** @throws Error when the broker does not start, or refuses what the generator needs. */
  async measure(rate: number, seconds: number): Promise<BrokerFigures> {
    const { broker, generator } = await this.#ready(rate);
    await quietMoment(this.#patienceSeconds);
    let serverRssPeakBytes = processRssBytes(broker.pid);
    const sampler = setInterval(() => {
      serverRssPeakBytes = Math.max(serverRssPeakBytes, processRssBytes(broker.pid));
    }, RSS_SAMPLE_MS);
    try {
      const measured = await offer(generator, rate, seconds);
      const storeBytes = broker.storePid === undefined ? 0 : treePssBytes(broker.storePid);
      if (!isExact(measured, this.#use.queues)) await this[Symbol.asyncDispose]();
      return { ...measured, serverRssPeakBytes, storeBytes };
    } finally {
      clearInterval(sampler);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#generator?.[Symbol.asyncDispose]();
    await this.#broker?.[Symbol.asyncDispose]();
    this.#generator = undefined;
    this.#broker = undefined;
  }

  async #ready(
    rate: number,
  ): Promise<{ readonly broker: RunningBroker; readonly generator: CommandProcess }> {
    if (this.#broker !== undefined && this.#generator !== undefined)
      return { broker: this.#broker, generator: this.#generator };
    const broker = await this.#peer.start(this.#affinity, this.#cores);
    this.#broker = broker;
    const generator = new CommandProcess(main, this.#affinity.generator, this.#signal);
    this.#generator = generator;
    const opening: BrokerCommand = {
      kind: "open",
      port: broker.port,
      dialect: broker.dialect(this.#use),
      queues: this.#use.queues,
      serverPid: broker.pid,
      storePid: broker.storePid,
    };
    await generator.execute(opening);
    await offer(generator, rate / 2, WARM_UP_SECONDS);
    return { broker, generator };
  }
}

async function offer(
  generator: CommandProcess,
  rate: number,
  seconds: number,
): Promise<BrokerMeasurement> {
  const command: BrokerCommand = { kind: "offer", rate, seconds };
  // Written by broker-load/main.ts as a BrokerResult.
  const result = (await generator.execute(command)) as BrokerResult;
  if (result.kind !== "offered") throw new Error(`unexpected answer ${result.kind}`);
  return result;
}

/** Whether every message was confirmed, delivered and acknowledged once by every queue. */
export function isExact(measured: BrokerMeasurement, queues: number): boolean {
  const { published, confirmed, delivered, acknowledged, refused, left, redelivered } = measured;
  return (
    refused === 0 &&
    redelivered === 0 &&
    left === 0 &&
    confirmed === published &&
    delivered === published * queues &&
    acknowledged === delivered
  );
}

/** Share of the offered rate that a broker acknowledges while it is offered: below it, a backlog grows. */
const STEADY = 0.95;

/** Whether the broker kept up: a steady rate, 99 % of what was due acknowledged in time, p99 within a second, all exact. */
export function keptUp(measured: BrokerMeasurement, queues: number): boolean {
  return (
    measured.messagesPerSecond >= STEADY * measured.rate &&
    measured.inTimeShare >= 0.99 &&
    measured.deliveryMs.p99 <= 1_000 &&
    measured.firstError === undefined &&
    isExact(measured, queues)
  );
}
