import type { Affinity } from "../affinity.ts";
import type { BrokerDialect } from "../broker-load/commands.ts";

export const brokerNames = ["switchyard", "quorum", "classic", "bullmq"] as const;
export type BrokerName = (typeof brokerNames)[number];

/** `one`: all of a broker on core 0. `two`: Switchyard's database on the generator's core; others may use both cores. */
export type Cores = "one" | "two";

/** What is done with a broker. */
export interface BrokerUse {
  readonly queues: number;
  readonly publishVia: "http" | "websocket";
  readonly givenIds: boolean;
}

export interface RunningBroker extends AsyncDisposable {
  /** The broker itself, not a wrapper: its CPU time and memory are read. */
  readonly pid: number;
  /** The database's main process, when messages are kept in another process. */
  readonly storePid: number | undefined;
  readonly port: number;
  readonly dialect: (use: BrokerUse) => BrokerDialect;
}

/** A broker that can be measured, with fsync before every confirm. */
export interface BrokerPeer {
  readonly name: BrokerName;
  readonly label: string;
  /** First rate of a search for saturation with one queue: below what such a broker does. */
  readonly searchFrom: number;
  /** Why it cannot run here, or undefined. */
  unavailable(): string | undefined;
  /** @throws Error when it does not become ready. */
  start(affinity: Affinity, cores: Cores): Promise<RunningBroker>;
}
