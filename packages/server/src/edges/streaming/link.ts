import type { ClientConnection, Frame, Link } from "@switchyard/core";
import { type Codec, type Disconnect, disconnects } from "@switchyard/protocol";
import type { StreamFanOut } from "./fan-out.ts";

/** What Bun gives a `type: "direct"` stream to write with, as far as it is used here. */
export interface BodyWriter {
  /** A promise when the kernel takes no more: fulfils once all is taken. The text is accepted either way. */
  write(text: string): number | Promise<number>;
  flush(): unknown;
  /** Ends the body. With an error: drops what is not sent yet and resets the connection. */
  close(error?: Error): unknown;
}

/**
 * open → closing (the hub has ended it; the rest is being delivered) → ended
 * open → slow (its queue overflowed, it holds nothing any more) → ended
 * open → ended (the client has gone)
 */
type State = "open" | "closing" | "slow" | "ended";

/** Most bytes handed to Bun in one write, so that a slow reader's progress shows in `bufferedBytes`. */
const writeBytes = 65_536;

/**
 * One response body that stays open. Frames wait in a queue of this link, and go out while Bun's own buffer for the
 * response is empty: with a reader that stalls, that buffer holds one write and all else is counted here. (Bun's
 * ordinary streams take whatever is enqueued, without bound.)
 */
export class StreamLink implements Link {
  readonly fanOut: StreamFanOut;
  readonly #codec: Codec;
  /** Lets Bun cut the connection when even the end of the body cannot be sent. */
  readonly #limitIdle: () => void;
  #state: State = "open";
  #connection: ClientConnection | undefined;
  #writer: BodyWriter | undefined;
  #topics: Set<string> | undefined;
  #queue: string[] = [];
  #sizes: number[] = [];
  #queuedBytes = 0;
  /** Bytes of the write that the kernel has not taken yet. */
  #writingBytes = 0;
  #flushScheduled = false;

  constructor(fanOut: StreamFanOut, codec: Codec, limitIdle: () => void) {
    this.fanOut = fanOut;
    this.#codec = codec;
    this.#limitIdle = limitIdle;
    const { prelude } = fanOut.framing;
    if (prelude !== "") this.queue(prelude, prelude.length);
  }

  /** Before anything can go wrong with the transport. */
  bind(connection: ClientConnection): void {
    this.#connection = connection;
  }

  send(frame: Frame): void {
    if (this.#state !== "open") return;
    const text = this.fanOut.wrap(frame);
    this.queue(text, Buffer.byteLength(text));
  }

  join(topic: string): void {
    if (this.#state !== "open") return;
    (this.#topics ??= new Set()).add(topic);
    this.fanOut.join(topic, this);
  }

  leave(topic: string): void {
    if (this.#topics?.delete(topic)) this.fanOut.leave(topic, this);
  }

  bufferedBytes(): number {
    return this.#state === "open" ? this.#queuedBytes + this.#writingBytes : 0;
  }

  close(disconnect: Disconnect): void {
    if (this.#state !== "open") return;
    if (disconnect.code !== disconnects.connectionClosed.code) {
      // The hub has usually said it already, as it does on every transport.
      const farewell = this.fanOut.wrap(this.#codec.push({ type: "disconnect", disconnect }));
      if (this.#queue.at(-1) !== farewell) this.#push(farewell, Buffer.byteLength(farewell));
    }
    this.#leaveAll();
    this.#state = "closing";
    this.fanOut.expectEnd(this);
    this.#scheduleFlush();
  }

  /** Queues a wrapped frame; `bytes` are its bytes in UTF-8. */
  queue(text: string, bytes: number): void {
    if (this.#state !== "open") return;
    this.#push(text, bytes);
    // What came within one turn may be more than the bound, and yet be taken by the kernel at once.
    if (this.bufferedBytes() > this.fanOut.queueBytes) this.flush();
    if (this.bufferedBytes() > this.fanOut.queueBytes) {
      this.#state = "slow";
      this.#leaveAll();
      this.#dropQueue();
    }
    this.#scheduleFlush();
  }

  /** Bun asks for the body. */
  attach(writer: BodyWriter): void {
    this.#writer = writer;
    if (this.#state === "ended") writer.close();
    else this.flush();
  }

  /** Writes what is queued as far as the kernel takes it, and completes an end that is under way. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.#state === "slow") return this.#endSlow();
    const writer = this.#writer;
    if (writer === undefined || this.#state === "ended") return;
    while (this.#writingBytes === 0 && this.#queue.length > 0) this.#writeSome(writer);
    if (this.#writingBytes > 0) return;
    if (this.#state === "closing") this.#finish(writer);
    // Not gone or slow by now: the hub may go on with its own bursts.
    else if (this.#state === "open") this.#connection?.drained();
  }

  /** The client has gone. Idempotent. */
  gone(): void {
    if (this.#state === "ended") return;
    const isNews = this.#state === "open" || this.#state === "slow";
    const slow = this.#state === "slow";
    this.#end();
    if (isNews) this.#connection?.transportClosed(1006, slow);
  }

  /** The time for the end is over. */
  cutOff(): void {
    this.#end();
    this.#writer?.close(
      new DOMException("the client did not take the rest of its stream", "AbortError"),
    );
  }

  #push(text: string, bytes: number): void {
    this.#queue.push(text);
    this.#sizes.push(bytes);
    this.#queuedBytes += bytes;
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.fanOut.scheduleFlush(this);
  }

  /** One write of one frame or more. */
  #writeSome(writer: BodyWriter): void {
    let count = 0;
    let bytes = 0;
    while (count < this.#queue.length && (count === 0 || bytes < writeBytes))
      bytes += this.#sizes[count++] ?? 0;
    const frames = this.#queue.splice(0, count);
    this.#sizes.splice(0, count);
    this.#queuedBytes -= bytes;
    const written = writer.write(frames.length === 1 ? (frames[0] ?? "") : frames.join(""));
    writer.flush();
    if (typeof written === "number") return;
    this.#writingBytes = bytes;
    written.then(
      () => this.#taken(),
      () => this.gone(),
    );
  }

  #taken(): void {
    this.#writingBytes = 0;
    if (this.#state !== "ended") this.flush();
  }

  #finish(writer: BodyWriter): void {
    this.#end();
    this.#limitIdle();
    writer.close();
  }

  #endSlow(): void {
    this.cutOff();
    this.#connection?.transportClosed(1006, true);
  }

  #end(): void {
    this.#state = "ended";
    this.#leaveAll();
    this.#dropQueue();
    this.fanOut.finished(this);
  }

  #leaveAll(): void {
    for (const topic of this.#topics ?? []) this.fanOut.leave(topic, this);
    this.#topics = undefined;
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#sizes = [];
    this.#queuedBytes = 0;
  }
}
