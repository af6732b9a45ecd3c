import type { Disconnect } from "@switchyard/protocol";
import type { Frame, Link } from "@switchyard/core";
import type { RecordingFanOut } from "./recording-fan-out.ts";

interface TopicRegistry {
  join(topic: string, link: RecordingLink): void;
  leave(topic: string, link: RecordingLink): void;
}

type State =
  | { readonly kind: "open" }
  /** Ended by the server: the peer receives what was sent before, then `disconnect`. */
  | { readonly kind: "closed"; readonly disconnect: Disconnect }
  /** The peer has gone without a word. */
  | { readonly kind: "gone" };

/** One link of a `RecordingFanOut`: the server's end is the `Link`, all other members are the peer's. */
export class RecordingLink implements Link {
  readonly fanOut: RecordingFanOut;
  /** What the peer has received, in order. */
  readonly received: Frame[] = [];
  readonly #registry: TopicRegistry;
  readonly #joined = new Set<string>();
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  #reading = true;
  #state: State = { kind: "open" };
  #pretendedBytes: number | undefined;

  constructor(fanOut: RecordingFanOut, registry: TopicRegistry) {
    this.fanOut = fanOut;
    this.#registry = registry;
  }

  get topics(): ReadonlySet<string> {
    return this.#joined;
  }

  /** What the server has closed the link with. */
  get closedWith(): Disconnect | undefined {
    return this.#state.kind === "closed" ? this.#state.disconnect : undefined;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** `received` as text, bytes decoded as UTF-8. */
  get texts(): readonly string[] {
    return this.received.map((frame) =>
      typeof frame === "string" ? frame : Buffer.from(frame).toString(),
    );
  }

  send(frame: Frame): void {
    this.queue(frame);
  }

  join(topic: string): void {
    if (!this.isOpen || this.#joined.has(topic)) return;
    this.#joined.add(topic);
    this.#registry.join(topic, this);
  }

  leave(topic: string): void {
    if (this.#joined.delete(topic)) this.#registry.leave(topic, this);
  }

  bufferedBytes(): number {
    if (!this.isOpen) return 0;
    return this.#pretendedBytes ?? this.#waitingBytes;
  }

  close(disconnect: Disconnect): void {
    this.#end({ kind: "closed", disconnect });
    if (this.#reading) this.#flush();
  }

  /** The peer stops reading: what is sent counts as buffered from now on. */
  stopReading(): void {
    this.#reading = false;
  }

  /** The peer takes all that has been buffered and reads on. */
  resumeReading(): void {
    this.#reading = true;
    this.#flush();
  }

  /** The peer goes away without closing. What it has not read is lost. */
  vanish(): void {
    this.#end({ kind: "gone" });
    this.#forget();
  }

  /** From now on `bufferedBytes` says this, whatever is sent; undefined: the truth again. */
  pretendBufferedBytes(bytes: number | undefined): void {
    this.#pretendedBytes = bytes;
  }

  /** What `send` and `publish` do. */
  queue(frame: Frame): void {
    if (!this.isOpen) return;
    // Bytes are copied as a socket does: an encoder may use its buffer again.
    this.#waiting.push(typeof frame === "string" ? frame : frame.slice());
    this.#waitingBytes += byteLength(frame);
    if (this.#reading) this.#flush();
    else if (this.bufferedBytes() > this.fanOut.queueBytes) this.close(this.fanOut.slow);
  }

  #flush(): void {
    for (const frame of this.#waiting) this.received.push(frame);
    this.#forget();
  }

  #forget(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #end(state: State): void {
    if (!this.isOpen) return;
    this.#state = state;
    for (const topic of this.#joined) this.#registry.leave(topic, this);
    this.#joined.clear();
  }
}

function byteLength(frame: Frame): number {
  return typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
}
