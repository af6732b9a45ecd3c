import type { Disconnect } from "@switchyard/protocol";

/** One encoded transport message: text for JSON, bytes for Protobuf. */
export type Frame = string | Uint8Array;

/** The client transports, by their names in metrics and in the API. */
export type TransportName = "websocket" | "http_stream" | "sse";

/**
 * One-to-many delivery over all links of one transport. Fire and forget: calls return at once, bytes leave later.
 * WebSocket: one native topic per (encoding, channel), never a loop in JavaScript. HTTP streams: a loop with byte bounds.
 */
export interface FanOut {
  readonly transport: TransportName;
  /**
   * Queues `frame` on every link that has joined `topic`, after all that was sent to that link before. A link
   * whose queue then exceeds its bound is closed as slow (3008); frames are never dropped on an open link.
   */
  publish(topic: string, frame: Frame): void;
}

/** One client's end of a transport. All methods are no-ops after `close` or after the peer has gone. */
export interface Link {
  readonly fanOut: FanOut;
  /** Frames of this link in order, relative to topic publications too. */
  send(frame: Frame): void;
  /** Idempotent. Publications made earlier in the same turn do not reach the link. */
  join(topic: string): void;
  /** Idempotent. Publications made before still reach the link. */
  leave(topic: string): void;
  /** Bytes accepted but not yet taken by the kernel. */
  bufferedBytes(): number;
  /**
   * Ends the link after what was sent, with `disconnect` in the transport's own words (WebSocket: a close frame). The
   * link is gone within `forceAfterMs` even when the peer reads nothing and answers nothing.
   */
  close(disconnect: Disconnect): void;
}
