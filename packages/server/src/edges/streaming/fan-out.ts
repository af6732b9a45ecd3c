import type { Clock, FanOut, Frame, TransportName } from "@switchyard/core";
import type { StreamLink } from "./link.ts";

/** How one transport writes frames into a response body. */
export interface StreamFraming {
  readonly transport: Exclude<TransportName, "websocket">;
  readonly contentType: string;
  /** Begins the body. */
  readonly prelude: string;
  /** One frame as it stands in the body. */
  wrap(frame: string): string;
}

interface StreamFanOutOptions {
  readonly framing: StreamFraming;
  /** Bytes that a link may have queued; one more and it is ended as slow. */
  readonly queueBytes: number;
  readonly clock: Clock;
  /** Time for a closed link's peer to take the rest, then the connection is cut. Default 4000. */
  readonly forceAfterMs?: number;
}

const utf8 = new TextDecoder();

/** Links of one HTTP transport by topic. A publication is wrapped and measured once, then queued link by link. */
export class StreamFanOut implements FanOut {
  readonly transport: TransportName;
  readonly framing: StreamFraming;
  readonly queueBytes: number;
  readonly #clock: Clock;
  readonly #forceAfterMs: number;
  readonly #topics = new Map<string, Set<StreamLink>>();
  /** Links to write to at the end of this turn. */
  #waiting: StreamLink[] = [];
  /** Closed links that still have bytes to deliver, and when they are cut off; earliest first. */
  readonly #closing = new Map<StreamLink, number>();
  #sweepPlanned = false;

  constructor({ framing, queueBytes, clock, forceAfterMs = 4_000 }: StreamFanOutOptions) {
    this.transport = framing.transport;
    this.framing = framing;
    this.queueBytes = queueBytes;
    this.#clock = clock;
    this.#forceAfterMs = forceAfterMs;
  }

  publish(topic: string, frame: Frame): void {
    const members = this.#topics.get(topic);
    if (members === undefined) return;
    const text = this.wrap(frame);
    const bytes = Buffer.byteLength(text);
    for (const link of members) link.queue(text, bytes);
  }

  wrap(frame: Frame): string {
    return this.framing.wrap(typeof frame === "string" ? frame : utf8.decode(frame));
  }

  join(topic: string, link: StreamLink): void {
    const members = this.#topics.get(topic);
    if (members === undefined) this.#topics.set(topic, new Set([link]));
    else members.add(link);
  }

  leave(topic: string, link: StreamLink): void {
    const members = this.#topics.get(topic);
    if (members?.delete(link) && members.size === 0) this.#topics.delete(topic);
  }

  /** Has `link.flush` called once this turn's callbacks and promise reactions have run: one write a link and turn. */
  scheduleFlush(link: StreamLink): void {
    this.#waiting.push(link);
    if (this.#waiting.length > 1) return;
    setImmediate(() => {
      const links = this.#waiting;
      this.#waiting = [];
      for (const one of links) one.flush();
    });
  }

  /** Has `link.cutOff` called unless the link reports `finished` in time. One timer for all. */
  expectEnd(link: StreamLink): void {
    this.#closing.set(link, this.#clock.monotonic() + this.#forceAfterMs);
    if (!this.#sweepPlanned) this.#planSweep(this.#forceAfterMs);
  }

  finished(link: StreamLink): void {
    this.#closing.delete(link);
  }

  #planSweep(delayMs: number): void {
    this.#sweepPlanned = true;
    this.#clock.after(delayMs, () => {
      this.#sweepPlanned = false;
      const now = this.#clock.monotonic();
      for (const [link, deadline] of this.#closing) {
        if (deadline > now) return this.#planSweep(deadline - now);
        link.cutOff();
      }
    });
  }
}
