/** How a broker wants to be spoken to; serialisable, since it crosses to the generator's process. */
export type BrokerDialect =
  | {
      readonly kind: "switchyard";
      readonly apiKey: string;
      readonly tokenSecret: string;
      /** `websocket`: one `rpc` for each event, pipelined. `http`: batches. */
      readonly publishVia: "http" | "websocket";
      /** Every event has an id of the publisher's, which the broker remembers. */
      readonly givenIds: boolean;
    }
  | { readonly kind: "amqp"; readonly queueType: "quorum" | "classic" }
  | { readonly kind: "bullmq" };

/** Declares `queues` queues that all get every message, and opens publishers and one consumer for each queue. */
export interface OpenBrokerCommand {
  readonly kind: "open";
  readonly port: number;
  readonly dialect: BrokerDialect;
  readonly queues: number;
  readonly serverPid: number;
  /** The database's main process, when the broker keeps its messages in another process. */
  readonly storePid: number | undefined;
}

/** Publishes `rate` messages per second for `seconds`. */
export interface OfferCommand {
  readonly kind: "offer";
  readonly rate: number;
  readonly seconds: number;
}

export type BrokerCommand = OpenBrokerCommand | OfferCommand;

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface BrokerMeasurement {
  readonly kind: "offered";
  readonly rate: number;
  /** From the first intended publication to the last that was sent; the clocks of CPU and throughput stop there. */
  readonly seconds: number;
  /** Messages that were due, whether or not there was room to send them. */
  readonly due: number;
  /** All that were sent, confirmed, delivered and acknowledged, including after the clocks stopped; the latter two per queue. */
  readonly published: number;
  readonly confirmed: number;
  readonly delivered: number;
  readonly acknowledged: number;
  /** Messages that all of their queues had delivered and seen acknowledged when the clocks stopped, per second. */
  readonly messagesPerSecond: number;
  /** Share of what was due that was acknowledged by every queue 200 ms after the last publication. */
  readonly inTimeShare: number;
  /** Messages that the broker still has, over all queues, once nothing more comes. */
  readonly left: number;
  readonly redelivered: number;
  readonly refused: number;
  readonly firstError: string | undefined;
  /** Milliseconds from when a publication was due. */
  readonly confirmMs: Latency;
  readonly deliveryMs: Latency;
  readonly serverCpuSeconds: number;
  readonly storeCpuSeconds: number;
  /** Of one core. */
  readonly generatorCpuShare: number;
  /** Cores that processes other than server, store and generator used meanwhile. */
  readonly otherCpuCores: number;
}

export type BrokerResult = BrokerMeasurement | { readonly kind: "opened" };
