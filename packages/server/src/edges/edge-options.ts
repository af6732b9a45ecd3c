import type { Clock, HubEdge, HubLimits, Log, Random } from "@switchyard/core";
import type { Server } from "bun";
import type { WebSocketLink } from "./websocket/link.ts";

/** The server that the edges are plugged into. */
export type EdgeServer = Server<WebSocketLink>;

export interface EdgeOptions {
  readonly hub: HubEdge;
  readonly limits: Pick<HubLimits, "frameBytes" | "frameBytesBeforeConnect" | "queueBytes">;
  /** Bytes of a POST body to any endpoint; above: 413. Default 65536 (protocol 13.2). */
  readonly bodyBytes?: number;
  /** Whether the Host header names this server. */
  readonly allowsHost: (host: string | undefined) => boolean;
  /** Whether pages of `origin` may come in; undefined: not a browser. */
  readonly allowsOrigin: (origin: string | undefined, host: string) => boolean;
  /** Whether `X-User-ID` of the peer at this address is believed. */
  readonly isTrustedGateway: (address: string) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export const defaultBodyBytes = 65_536;

/** A response, or `upgraded`: the request has become a WebSocket and Bun wants no response. */
export type EdgeAnswer = Response | "upgraded";

/** One endpoint. Host and Origin have been checked before. */
export interface Edge {
  /** Methods apart from OPTIONS. */
  readonly methods: readonly string[];
  answer(request: Request, server: EdgeServer): EdgeAnswer | Promise<EdgeAnswer>;
}
