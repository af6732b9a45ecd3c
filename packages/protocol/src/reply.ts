import type { Disconnect } from "./codes/disconnect-codes.ts";
import type { Unsubscribe } from "./codes/unsubscribe-codes.ts";
import type { ClientInfo } from "./messages/client-info.ts";
import type { ConnectResult } from "./messages/connect.ts";
import type { HistoryResult } from "./messages/history.ts";
import type { PresenceResult, PresenceStatsResult } from "./messages/presence.ts";
import type { WirePublication } from "./messages/publication.ts";
import type { RefreshResult } from "./messages/refresh.ts";
import type { SubscribeResult } from "./messages/subscribe.ts";
import type { JsonText } from "./payload.ts";

/** A successful answer; its method key is always on the wire, even with an empty object (protocol 2.2). */
export type Reply =
  | { readonly method: "connect"; readonly result: ConnectResult }
  | { readonly method: "subscribe"; readonly result: SubscribeResult }
  | { readonly method: "unsubscribe" | "publish" }
  | { readonly method: "presence"; readonly result: PresenceResult }
  | { readonly method: "presence_stats"; readonly result: PresenceStatsResult }
  | { readonly method: "history"; readonly result: HistoryResult }
  | { readonly method: "rpc"; readonly data: JsonText | undefined }
  | { readonly method: "refresh" | "sub_refresh"; readonly result: RefreshResult };

/** Protocol 2.3. */
export interface ReplyError {
  readonly code: number;
  readonly message: string;
  readonly temporary: boolean;
}

/** What the server says unasked (protocol 7). */
export type Push =
  | {
      readonly type: "publication";
      readonly channel: string;
      readonly publication: WirePublication;
      /** Of the first publication of a stream; "" otherwise. */
      readonly epoch: string;
      /** Publication time in ms; 0: not sent. */
      readonly timeMs: number;
    }
  | { readonly type: "join" | "leave"; readonly channel: string; readonly info: ClientInfo }
  | { readonly type: "unsubscribe"; readonly channel: string; readonly unsubscribe: Unsubscribe }
  | {
      readonly type: "subscribe";
      readonly channel: string;
      readonly recoverable: boolean;
      readonly positioned: boolean;
      readonly epoch: string;
      readonly offset: number;
      readonly data: JsonText | undefined;
    }
  | { readonly type: "message"; readonly data: JsonText }
  | { readonly type: "disconnect"; readonly disconnect: Disconnect }
  /** Seconds left; undefined: does not expire any more. */
  | { readonly type: "refresh"; readonly ttlSeconds: number | undefined };
