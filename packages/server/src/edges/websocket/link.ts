import type { ClientConnection, ConnectionRequest, Frame, HubEdge, Link } from "@switchyard/core";
import { closeReason, type Codec, type Disconnect, disconnects } from "@switchyard/protocol";
import type { ServerWebSocket } from "bun";
import { closeCode } from "./close-code.ts";
import { nativeTopic, type WebSocketFanOut } from "./fan-out.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const pong = "{}";

/**
 * The data of one WebSocket, and all that this layer keeps per connection: no timers, no closures. Waiting (made at
 * the upgrade), open (has a socket), ended (has none again).
 *
 * `close` leaves the end to Bun: it closes the descriptor within 4 s, whether the peer reads, answers, talks on or
 * nothing of that (measured; sockets have no idle timeout here, which would replace those 4 s).
 */
export class WebSocketLink implements Link {
  readonly fanOut: WebSocketFanOut;
  readonly #codec: Codec;
  /** Until the hub has it. */
  #request: ConnectionRequest | undefined;
  /** Pings are WebSocket ping frames (protocol 6.5). */
  readonly #nativePing: boolean;
  #pinged = false;
  /** Much was queued when it was looked at last. */
  #congested = false;
  #socket: ServerWebSocket<WebSocketLink> | undefined;
  #connection: ClientConnection | undefined;

  constructor(
    fanOut: WebSocketFanOut,
    codec: Codec,
    request: ConnectionRequest,
    nativePing: boolean,
  ) {
    this.fanOut = fanOut;
    this.#codec = codec;
    this.#request = request;
    this.#nativePing = nativePing;
  }

  send(frame: Frame): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#nativePing && frame === this.#codec.ping) {
      this.#pinged = true;
      socket.ping();
      return;
    }
    // 0: dropped, -1: buffered. Bun lets one frame pass the bound and closes at the next.
    const status = socket.send(frame);
    if (status <= 0 && socket.getBufferedAmount() > this.fanOut.queueBytes)
      this.fanOut.seekOverflowed();
  }

  join(topic: string): void {
    this.#socket?.subscribe(nativeTopic(topic));
  }

  leave(topic: string): void {
    this.#socket?.unsubscribe(nativeTopic(topic));
  }

  bufferedBytes(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  close(disconnect: Disconnect): void {
    const socket = this.#end();
    if (disconnect.code === disconnects.connectionClosed.code) socket?.terminate();
    else socket?.close(disconnect.code, closeReason(disconnect.reason));
  }

  /** For the fan-out: reports and ends a link whose peer takes too little. */
  endIfOverflowed(): void {
    if (this.bufferedBytes() <= this.fanOut.queueBytes) return;
    this.#end()?.terminate();
    this.#connection?.transportClosed(1006, true);
  }

  /** For the fan-out, once a second. */
  lookAtQueue(): void {
    this.#congested = this.bufferedBytes() > this.fanOut.queueBytes / 8;
  }

  /** Bun's handlers from here on. */
  opened(socket: ServerWebSocket<WebSocketLink>, hub: HubEdge): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    this.#socket = socket;
    this.fanOut.add(this);
    this.#connection = hub.open(this, this.#codec, request);
  }

  received(message: string | Uint8Array): void {
    if (this.#socket === undefined) return;
    this.#connection?.receive(typeof message === "string" ? message : textOf(message));
  }

  ponged(): void {
    // A pong that answers nothing is legal in WebSocket (RFC 6455 section 5.5.3), not in the client protocol.
    if (!this.#pinged) return;
    this.#pinged = false;
    this.received(pong);
  }

  drained(): void {
    if (this.#socket !== undefined) this.#connection?.drained();
  }

  /** Bun calls this within `close` and `terminate` too: then the hub knows already. */
  closed(code: number, reason: string): void {
    if (this.#end() === undefined) return;
    const named = closeCode(code, reason);
    if (named === disconnects.frameTooBig.code) this.#connection?.receiveOversized();
    // Without a reason it is Bun's own end for an overflow, or the peer's reset: a queue that was filling tells which.
    this.#connection?.transportClosed(named, code === 1006 && reason === "" && this.#congested);
  }

  #end(): ServerWebSocket<WebSocketLink> | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.fanOut.remove(this);
    return socket;
  }
}

/** Some clients send text in binary frames. What is not UTF-8 is handed on as a frame without commands: malformed. */
function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return "";
  }
}
