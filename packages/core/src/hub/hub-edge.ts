import type { Codec } from "@switchyard/protocol";
import type { Link } from "../ports/fan-out.ts";

/** What an edge knows about a client before its first command. */
export interface ConnectionRequest {
  /** Correlates log lines of one upgrade or stream request. */
  readonly requestId: string;
  /** The peer's address, or what a trusted proxy says it is. */
  readonly remoteAddress: string;
  /** `Authorization: Bearer` of the upgrade or stream request; used when the connect command has no token. */
  readonly bearerToken: string | undefined;
  /** `X-User-ID` set by a gateway whose address is on the list; undefined otherwise. */
  readonly trustedUser: string | undefined;
}

/** What the hub offers to transports. */
export interface HubEdge {
  /** False while draining: refuse upgrades and streams with 503. */
  readonly accepting: boolean;
  /** A client has come. The hub closes the link by itself when the client does not say connect in time (3502). */
  open(link: Link, codec: Codec, request: ConnectionRequest): ClientConnection;
  /**
   * Commands of an HTTP stream or SSE client that came by POST to /emulation, on whichever node that was.
   * `unknown`: no such node or session.
   */
  emulate(node: string, session: string, data: string): Promise<"accepted" | "unknown">;
}

/** One client as its transport sees it. */
export interface ClientConnection {
  readonly id: string;
  /** One transport message. Everything wrong with it ends in a reply or a disconnect, never in a throw. */
  receive(frame: string): void;
  /** A whole message above the frame limit came, or began to. Disconnects with 1009. */
  receiveOversized(): void;
  /** The link's queue has become empty enough (`bufferedBytes` fell). */
  drained(): void;
  /** The transport is gone. `code`: the WebSocket close code, or 1006. `slow`: because its queue overflowed. */
  transportClosed(code: number, slow: boolean): void;
}
