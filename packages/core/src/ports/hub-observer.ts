import type { AnsweredMethod } from "@switchyard/protocol";
import type { TransportName } from "./fan-out.ts";

/** What the hub reports as it happens; the server turns it into metrics. Calls are synchronous and cheap. */
export interface HubObserver {
  connectionOpened(transport: TransportName): void;
  /** `code`: the disconnect code when the server closed, else the transport's own (1000, 1001, 1006, …). */
  connectionClosed(transport: TransportName, code: number): void;
  commandReceived(method: string): void;
  errorAnswered(method: AnsweredMethod, code: number): void;
  subscribed(): void;
  unsubscribed(): void;
  publicationAccepted(source: "client" | "api"): void;
  /**
   * One publication was handed to `count` links of one transport as a frame of `frameBytes` characters;
   * `latencyMs` passed since it was published.
   */
  delivered(transport: TransportName, count: number, frameBytes: number, latencyMs: number): void;
  recovered(result: "recovered" | "failed"): void;
  /** A hole in a channel's live publications was filled from history, or could not be. */
  repaired(result: "repaired" | "lost"): void;
}
