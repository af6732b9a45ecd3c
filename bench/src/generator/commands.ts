/** How a server wants to be spoken to; serialisable, since it crosses to the generator's process. */
export type DialectOptions =
  | { readonly kind: "bare" }
  | { readonly kind: "socket.io" }
  | {
      readonly kind: "switchyard";
      readonly apiKey: string;
      readonly tokenSecret: string;
      /** `channel`: subscribers of topic n subscribe to `namespace:n`. `personal`: topic n is the personal channel of user n. */
      readonly addressing: "channel" | "personal";
      readonly namespace: string;
      readonly publishVia: "http" | "websocket";
    };

/** Opens all subscribers; subscriber i follows topic i modulo `topics`. */
export interface OpenCommand {
  readonly kind: "open";
  readonly port: number;
  readonly serverPid: number;
  readonly dialect: DialectOptions;
  readonly subscribers: number;
  readonly topics: number;
  /** Whether this run publishes; false opens no publisher. */
  readonly publishes: boolean;
}

/** Publishes `rate` publications per second, round robin over the topics, for `seconds`. */
export interface MeasureCommand {
  readonly kind: "measure";
  readonly rate: number;
  readonly seconds: number;
}

export type GeneratorCommand = OpenCommand | MeasureCommand | { readonly kind: "close" };

export interface OpenResult {
  readonly kind: "opened";
  readonly subscribers: number;
  readonly seconds: number;
}

export interface Measurement {
  readonly kind: "measured";
  readonly rate: number;
  /** From the first intended publication to the last; the clocks of CPU and throughput stop there. */
  readonly seconds: number;
  readonly publications: number;
  readonly expectedDeliveries: number;
  /** All that arrived, including after the clocks stopped. */
  readonly deliveries: number;
  readonly deliveriesPerSecond: number;
  /** Share of the expected deliveries that were there 200 ms after the last publication. */
  readonly inTimeShare: number;
  /** Deliveries that did not come within 2 s of the last publication, and those that came too often; exact, per subscriber. */
  readonly lost: number;
  readonly duplicated: number;
  readonly inexactSubscribers: number;
  readonly closedSubscribers: number;
  readonly publishErrors: number;
  /** The first reason why something was refused or closed, as the server gave it. */
  readonly firstError: string | undefined;
  readonly latencyMs: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  readonly latencySamples: number;
  readonly serverCpuSeconds: number;
  /** Of one core. */
  readonly generatorCpuShare: number;
  /** Cores that processes other than server and generator used meanwhile: above some 0.2 the figures are disturbed. */
  readonly otherCpuCores: number;
  readonly receivedBytes: number;
}

export interface GeneratorFailure {
  readonly kind: "failed";
  readonly message: string;
}

export type GeneratorResult =
  | OpenResult
  | Measurement
  | { readonly kind: "closed" }
  | GeneratorFailure;
