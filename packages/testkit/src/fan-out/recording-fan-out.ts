import { type Disconnect, disconnects } from "@switchyard/protocol";
import type { FanOut, Frame, TransportName } from "@switchyard/core";
import { RecordingLink } from "./recording-link.ts";

export interface RecordingFanOutOptions {
  /** Default "websocket". */
  readonly transport?: TransportName | undefined;
  /** Bytes that a link may have buffered; one more and it is closed as slow. Default unbounded. */
  readonly queueBytes?: number | undefined;
}

/** A transport in memory that keeps what it was given: links with the frames their peers have received. */
export class RecordingFanOut implements FanOut {
  readonly transport: TransportName;
  readonly queueBytes: number;
  /** Every `publish`, in order, whether anybody had joined or not. */
  readonly published: { readonly topic: string; readonly frame: Frame }[] = [];
  readonly #topics = new Map<string, Set<RecordingLink>>();

  constructor({ transport, queueBytes }: RecordingFanOutOptions = {}) {
    this.transport = transport ?? "websocket";
    this.queueBytes = queueBytes ?? Infinity;
  }

  /** A new link, as when a client connects. */
  open(): RecordingLink {
    return new RecordingLink(this, {
      join: (topic, link) => {
        const members = this.#topics.get(topic);
        if (members === undefined) this.#topics.set(topic, new Set([link]));
        else members.add(link);
      },
      leave: (topic, link) => {
        const members = this.#topics.get(topic);
        members?.delete(link);
        if (members?.size === 0) this.#topics.delete(topic);
      },
    });
  }

  publish(topic: string, frame: Frame): void {
    this.published.push({ topic, frame });
    for (const link of [...(this.#topics.get(topic) ?? [])]) link.queue(frame);
  }

  /** Topics that somebody has joined, with the number of links. */
  topics(): ReadonlyMap<string, number> {
    return new Map([...this.#topics].map(([topic, links]) => [topic, links.size]));
  }

  /** What a link that exceeds `queueBytes` is closed with. */
  get slow(): Disconnect {
    return disconnects.slow;
  }
}
