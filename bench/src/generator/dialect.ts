/** What a frame that is no delivery asks of the connection. */
export type ControlOutcome =
  | { readonly kind: "ignored" }
  | { readonly kind: "ready" }
  | { readonly kind: "reply"; readonly frame: Uint8Array }
  | { readonly kind: "failed"; readonly reason: string };

export const IGNORED: ControlOutcome = { kind: "ignored" };
export const READY: ControlOutcome = { kind: "ready" };

/** How one server is spoken to. */
export interface Dialect {
  /** Smallest frame that is a delivery. Shorter frames of a live connection are control frames. */
  readonly minDeliveryBytes: number;
  /** Path of the WebSocket request of a subscriber of this topic. */
  subscriberPath(topic: number): string;
  /** Frame that the client sends after the upgrade, if it speaks first. */
  subscriberHello(topic: number): Uint8Array | undefined;
  publisherPath(): string;
  publisherHello(): Uint8Array | undefined;
  /** Judges a frame of a connection that is not ready yet, or a short frame later. */
  control(text: string): ControlOutcome;
  /** One frame of the publisher's socket. */
  encodePublication(topic: number, payload: string): Uint8Array;
  /** Set when publications go through the HTTP API instead of a socket. */
  readonly http: HttpPublishing | undefined;
}

export interface HttpPublishing {
  readonly headers: Readonly<Record<string, string>>;
  readonly publishPath: string;
  readonly batchPath: string;
  encodeRequest(topic: number, payload: string): string;
  encodeBatch(requests: readonly string[]): string;
}
