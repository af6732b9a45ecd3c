/** `attempts`: the queue's `maxAttempts` are used up. `maxlen`: the queue was full. */
export type DeathReason = "rejected" | "attempts" | "expired" | "maxlen";

/** One stay of a message in a queue that ended in death. Repeated deaths in one queue for one reason are counted in one record. */
export interface DeathRecord {
  readonly queue: string;
  readonly reason: DeathReason;
  /** Unix milliseconds: the last time. */
  readonly time: number;
  readonly count: number;
  /** Exchange and key that it had come by. */
  readonly exchange: string;
  readonly key: string;
}
