import type { Socket } from "bun";
import { encodeClientFrame, encodeUpgradeRequest, Opcode } from "./client-frames.ts";
import { nowMicros } from "./clock.ts";
import type { Dialect } from "./dialect.ts";
import { type FrameSink, FrameWalker } from "./frame-walker.ts";
import type { Histogram } from "./histogram.ts";
import { findStamp, isStampAt, readStamp } from "./payload.ts";
import { SocketWriter } from "./socket-writer.ts";

/** What all sockets of a run share. */
export interface Tally {
  deliveries: number;
  receivedBytes: number;
  closed: number;
  firstError: string | undefined;
  readonly latencyMicros: Histogram;
}

export type SocketState = "connecting" | "greeting" | "live" | "closed";

const decoder = new TextDecoder();

/**
 * One client socket: upgrade, greeting of the dialect, then it counts deliveries. A sampled one also reads the time stamp of
 * every delivery; the others never look into a payload.
 */
export class ClientSocket implements FrameSink {
  readonly topic: number;
  readonly #dialect: Dialect;
  readonly #tally: Tally;
  readonly #path: string;
  readonly #hello: Uint8Array | undefined;
  readonly #sampled: boolean;
  readonly #settled: (failure: string | undefined) => void;
  readonly #walker = new FrameWalker();
  readonly #writer = new SocketWriter();
  #socket: Socket<ClientSocket> | undefined;
  #state: SocketState = "connecting";
  #upgradeText = "";
  #stampAt = 0;
  /** Deliveries on this socket since it went live. */
  received = 0;

  constructor(options: {
    readonly topic: number;
    readonly dialect: Dialect;
    readonly tally: Tally;
    readonly path: string;
    readonly hello: Uint8Array | undefined;
    readonly sampled: boolean;
    /** Called once: with undefined when live, else with the reason why it never will be. */
    readonly settled: (failure: string | undefined) => void;
  }) {
    this.topic = options.topic;
    this.#dialect = options.dialect;
    this.#tally = options.tally;
    this.#path = options.path;
    this.#hello = options.hello;
    this.#sampled = options.sampled;
    this.#settled = options.settled;
  }

  get state(): SocketState {
    return this.#state;
  }

  opened(socket: Socket<ClientSocket>): void {
    this.#socket = socket;
    this.#writer.write(socket, encodeUpgradeRequest(`127.0.0.1:${socket.remotePort}`, this.#path));
  }

  write(bytes: Uint8Array): void {
    if (this.#socket !== undefined && this.#state !== "closed")
      this.#writer.write(this.#socket, bytes);
  }

  drained(): void {
    if (this.#socket !== undefined) this.#writer.flush(this.#socket);
  }

  data(chunk: Uint8Array): void {
    this.#tally.receivedBytes += chunk.length;
    if (this.#state === "connecting") {
      const rest = this.#readUpgrade(chunk);
      if (rest === undefined) return;
      chunk = rest;
    }
    try {
      this.#walker.walk(chunk, this);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (
      this.#state === "live" &&
      opcode <= Opcode.binary &&
      end - start >= this.#dialect.minDeliveryBytes
    ) {
      this.#count(bytes, start, end);
    } else {
      this.#control(opcode, bytes.subarray(start, end));
    }
  }

  closed(reason: string): void {
    if (this.#state === "closed") return;
    const wasLive = this.#state === "live";
    this.#state = "closed";
    if (wasLive) {
      this.#tally.closed += 1;
      this.#tally.firstError ??= reason;
    } else {
      this.#settled(reason);
    }
  }

  /** Closes without a word and without counting it. */
  end(): void {
    this.#state = "closed";
    this.#socket?.end();
  }

  #count(bytes: Uint8Array, start: number, end: number): void {
    // Two deliveries cannot fit below twice the smallest one, so only longer frames must be searched for more than one.
    const several = end - start >= 2 * this.#dialect.minDeliveryBytes;
    if (!several && !this.#sampled) {
      this.received += 1;
      this.#tally.deliveries += 1;
      return;
    }
    let stamp = start + this.#stampAt;
    if (!isStampAt(bytes, stamp, end)) {
      stamp = findStamp(bytes, start, end);
      this.#stampAt = stamp - start;
    }
    const now = this.#sampled ? nowMicros() : 0;
    while (stamp >= 0) {
      this.received += 1;
      this.#tally.deliveries += 1;
      if (this.#sampled) this.#tally.latencyMicros.record(now - readStamp(bytes, stamp));
      stamp = several ? findStamp(bytes, stamp, end) : -1;
    }
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.ping) {
      this.write(encodeClientFrame(Opcode.pong, payload));
      return;
    }
    if (opcode === Opcode.close) {
      const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
      this.#fail(`closed by the server: ${code} ${decoder.decode(payload.subarray(2))}`);
      return;
    }
    if (opcode === Opcode.pong) return;
    const outcome = this.#dialect.control(decoder.decode(payload));
    if (outcome.kind === "reply") this.write(outcome.frame);
    if (outcome.kind === "failed") this.#refused(outcome.reason);
    if (outcome.kind === "ready" && this.#state === "greeting") {
      this.#state = "live";
      this.#settled(undefined);
    }
  }

  /** A live connection may be told of an error (a refused publication) and go on; before that it is the end. */
  #refused(reason: string): void {
    if (this.#state === "live") this.#tally.firstError ??= reason;
    else this.#fail(reason);
  }

  #fail(reason: string): void {
    this.closed(reason);
    this.#socket?.terminate();
  }

  /** Returns what follows the response's header, or undefined when that is not complete or is a refusal. */
  #readUpgrade(chunk: Uint8Array): Uint8Array | undefined {
    const before = this.#upgradeText.length;
    this.#upgradeText += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString(
      "latin1",
    );
    const headerEnd = this.#upgradeText.indexOf("\r\n\r\n");
    if (headerEnd < 0) return undefined;
    if (!this.#upgradeText.startsWith("HTTP/1.1 101")) {
      this.#fail(`upgrade refused: ${this.#upgradeText.slice(0, 200)}`);
      return undefined;
    }
    this.#upgradeText = "";
    this.#state = "greeting";
    if (this.#hello !== undefined) this.write(this.#hello);
    return chunk.subarray(headerEnd + 4 - before);
  }
}
