/** A promise that was broken. */
export type ViolationKind =
  /** Confirmed or seen, and gone. */
  | "lost"
  /** Not confirmed, and in some of its queues only. */
  | "torn"
  /** Never published. */
  | "phantom"
  /** Not with the body with which it was published. */
  | "altered"
  | "wrong-confirm"
  /** A second delivery that looks like a first one. */
  | "unflagged-duplicate"
  | "delivered-after-ack"
  /** Acknowledged or dead more than once in all. */
  | "ended-twice"
  | "too-many-attempts"
  | "dead-without-cause"
  | "out-of-order"
  /** The queue counts it, and nobody gets it. */
  | "stuck"
  /** The server did not come back by itself. */
  | "not-recovered"
  /** The server did not end when it was told to. */
  | "not-stopped";

export interface Violation {
  readonly kind: ViolationKind;
  readonly detail: string;
  /** Number of the event; undefined: not about one. */
  readonly n: number | undefined;
}

export function violationOf(kind: ViolationKind, detail: string, n?: number): Violation {
  return { kind, detail, n };
}
