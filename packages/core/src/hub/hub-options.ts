import type { NamespaceRules } from "../channels/namespace.ts";

/** What the composition root gives the hub. Units are in the names; every bound has a default in the configuration. */
export interface HubOptions {
  readonly nodeName: string;
  readonly version: string;
  readonly channels: NamespaceRules;
  readonly client: ClientOptions;
  readonly limits: HubLimits;
}

export interface ClientOptions {
  /** Accept every connection and every operation, without tokens. Development only. */
  readonly insecure: boolean;
  /** Accept connections without a token, as the anonymous user "". */
  readonly allowAnonymous: boolean;
  /** Subscribe each connection of a user to `personalPrefix + user` on the server side. */
  readonly personalChannel: boolean;
  readonly personalPrefix: string;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** Close a connection (3502) that has not completed connect by then. */
  readonly connectTimeoutMs: number;
  /** After a token's expiry, time for a refresh before 3005 / 2501. */
  readonly expiryGraceMs: number;
  /** Compare an idle positioned channel's position with the bus after so long. */
  readonly positionCheckMs: number;
  /** Add `time` (ms) to the connect result and `time` to publications. */
  readonly sendTime: boolean;
}

export interface HubLimits {
  /** Bytes of one frame before and after connect. Above: 1009. */
  readonly frameBytesBeforeConnect: number;
  readonly frameBytes: number;
  /** Client-side and server-side subscriptions of one connection. Above: 106, server-side 3505. */
  readonly channelsPerConnection: number;
  /** Connections of one user on this node; 0 = unbounded. Above: 3504. Anonymous connections are not counted. */
  readonly connectionsPerUser: number;
  /** Connections of this node; 0 = unbounded. Above: 3504. */
  readonly connections: number;
  /** Bytes queued for one connection. Above: closed as slow, 3008. */
  readonly queueBytes: number;
  /** Bytes above which the hub's own bursts (recoveries, deliveries) pause until the link drains. */
  readonly pauseBytes: number;
  /** rpc and publish commands being worked on for one connection. Above: error 111. */
  readonly commandsInFlight: number;
  /** Commands of one connection, all kinds; burst = rate. Above: error 111, far above: 3013. 0 = unbounded. */
  readonly commandsPerSecond: number;
  /** Characters. Above: 107. */
  readonly channelNameLength: number;
  /** Publications in one recovery. More missed: `recovered: false`. */
  readonly recoveryPublications: number;
  /** Publications in one client history page. */
  readonly historyPublications: number;
  /** Errors answered to one connection within a minute. Above: 3509. 0 = unbounded. */
  readonly errorsPerMinute: number;
  /** Milliseconds that a bus operation may take for a client before error 100. */
  readonly busTimeoutMs: number;
}
