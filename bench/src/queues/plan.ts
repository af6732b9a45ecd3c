import { choices, positiveNumber, readFlags } from "../options.ts";
import { type BrokerName, brokerNames, type BrokerUse, type Cores } from "../peers/broker-peer.ts";

const FLAGS = ["only", "parts", "seconds", "rate", "patience"] as const;
const PARTS = ["saturation", "two-cores", "unhurried"] as const;
export type Part = (typeof PARTS)[number];

export interface Plan {
  readonly brokers: readonly BrokerName[];
  readonly parts: readonly Part[];
  /** Of each measurement. */
  readonly seconds: number;
  /** Messages per second of the unhurried part. */
  readonly unhurriedRate: number;
  /** How long each measurement waits for other processes to leave the machine alone. */
  readonly patienceSeconds: number;
}

/** @throws UsageError */
export function readPlan(args: readonly string[]): Plan {
  const flags = readFlags(args, FLAGS);
  return {
    brokers: choices("only", flags.only, brokerNames),
    parts: choices("parts", flags.parts, PARTS),
    seconds: positiveNumber("seconds", flags.seconds, 4),
    unhurriedRate: positiveNumber("rate", flags.rate, 200),
    patienceSeconds: positiveNumber("patience", flags.patience, 0),
  };
}

export function coresOf(part: Part): Cores {
  return part === "two-cores" ? "two" : "one";
}

const plain: BrokerUse = { queues: 1, publishVia: "websocket", givenIds: false };
const http: BrokerUse = { ...plain, publishVia: "http" };

/** What is measured of a broker in a part. */
export function usesOf(part: Part, broker: BrokerName): readonly BrokerUse[] {
  // BullMQ has no exchanges, and Redis is one thread.
  if (broker === "bullmq") return part === "two-cores" ? [] : [plain];
  if (broker !== "switchyard")
    return part === "saturation" ? [plain, { ...plain, queues: 3 }] : [plain];
  if (part !== "saturation") return [plain, http];
  return [plain, http].flatMap((use) => [use, { ...use, queues: 3 }, { ...use, givenIds: true }]);
}

/** How the messages of a use get in, for the tables. */
export function describeUse(broker: BrokerName, { publishVia, givenIds }: BrokerUse): string {
  if (broker === "bullmq") return "addBulk";
  if (broker !== "switchyard") return "AMQP 0-9-1";
  const way = publishVia === "http" ? "HTTP batches" : "WebSocket rpc";
  return givenIds ? `${way}, given ids` : way;
}
