export interface OutgoingMessage {
  /** Ascending over the whole run. */
  readonly number: number;
  /** JSON of PAYLOAD_BYTES bytes. */
  readonly body: string;
}

/** What a driver tells of. */
export interface DriverEvents {
  confirmed(number: number): void;
  refused(number: number, reason: string): void;
  /** @param intendedMicros The stamp in its body. */
  delivered(intendedMicros: number): void;
  /** `count` deliveries have been acknowledged. */
  acknowledged(count: number): void;
  /** May have been delivered before. */
  redelivered(count: number): void;
  /** A connection is lost, or the broker complained of it. */
  failed(reason: string): void;
}

/** Publishes to one broker, and consumes: every delivery is acknowledged. */
export interface BrokerDriver {
  /** Sends at once. Each message is told of as `confirmed` or `refused`, once. */
  publish(messages: readonly OutgoingMessage[]): void;
  /** Messages that the broker has, delivered or not, over all queues. */
  left(): Promise<number>;
}

/** The exchange that all messages go to. */
export const EXCHANGE = "bench";

export function queueNames(queues: number): readonly string[] {
  return Array.from({ length: queues }, (_, index) => `bench-${index}`);
}

/** Deliveries that a consumer may have unacknowledged. */
export const PREFETCH = 4_000;
/** Over which the publications are spread. */
export const PUBLISHER_CONNECTIONS = 4;

const STAMP = '"t":"';
const STAMP_DIGITS = 16;

/** The stamp in the payload that begins at or after `from`. */
export function stampIn(text: string, from: number): number {
  const at = text.indexOf(STAMP, from) + STAMP.length;
  return Number(text.slice(at, at + STAMP_DIGITS));
}
