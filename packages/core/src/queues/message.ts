import type { JsonText } from "@switchyard/protocol";
import { delayedLane, type Event, type Lane, type StoredMessage } from "../ports/queue-store.ts";
import type { QueueHome } from "./queue-home.ts";

/** What a message takes in memory and on its way beside its body, about. */
const overheadBytes = 200;

export interface MessageTerms {
  readonly priority: number;
  readonly attempts: number;
  readonly expiresAt: number | undefined;
  readonly deliverAt: number | undefined;
  readonly deaths: JsonText | undefined;
}

/** A message that its home has in hand: on its way into the store, in the window, or with a consumer. */
export class Message implements StoredMessage {
  readonly home: QueueHome;
  readonly queue: number;
  readonly event: Event;
  readonly priority: number;
  readonly expiresAt: number | undefined;
  readonly deaths: JsonText | undefined;
  lane: Lane;
  seq: number;
  attempts: number;
  deliverAt: number | undefined;
  /** May have been delivered before. */
  redelivered: boolean;

  constructor(home: QueueHome, seq: number, event: Event, terms: MessageTerms) {
    this.home = home;
    this.queue = home.id;
    this.event = event;
    this.priority = terms.priority;
    this.expiresAt = terms.expiresAt;
    this.deaths = terms.deaths;
    this.lane = terms.deliverAt === undefined ? laneOf(terms.priority) : delayedLane;
    this.seq = seq;
    this.attempts = terms.attempts;
    this.deliverAt = terms.deliverAt;
    this.redelivered = terms.attempts > 0;
  }

  /** Of the body: bytes, or characters of JSON. */
  get bytes(): number {
    return this.event.body.length;
  }

  /** In memory, about. */
  get footprint(): number {
    return this.event.body.length + this.event.headers.length + overheadBytes;
  }
}

/** The lane of ready messages of a priority (0 to 9). */
export function laneOf(priority: number): Lane {
  return 9 - priority;
}
