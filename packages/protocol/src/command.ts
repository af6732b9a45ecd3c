import type { JsonText } from "./payload.ts";
import type { ConnectRequest } from "./messages/connect.ts";
import type { HistoryRequest } from "./messages/history.ts";
import type { SubscribeRequest } from "./messages/subscribe.ts";

/** What a client may ask (protocol 2.1, 3). `id` correlates the reply; `send` and the pong have none. */
export type Command =
  | { readonly method: "pong" }
  | { readonly method: "send"; readonly data: JsonText | undefined }
  | { readonly method: "connect"; readonly id: number; readonly request: ConnectRequest }
  | { readonly method: "subscribe"; readonly id: number; readonly request: SubscribeRequest }
  | { readonly method: "unsubscribe"; readonly id: number; readonly channel: string }
  | {
      readonly method: "publish";
      readonly id: number;
      readonly channel: string;
      readonly data: JsonText | undefined;
    }
  | { readonly method: "presence"; readonly id: number; readonly channel: string }
  | { readonly method: "presence_stats"; readonly id: number; readonly channel: string }
  | { readonly method: "history"; readonly id: number; readonly request: HistoryRequest }
  | {
      readonly method: "rpc";
      readonly id: number;
      readonly name: string;
      readonly data: JsonText | undefined;
    }
  | { readonly method: "refresh"; readonly id: number; readonly token: string }
  | {
      readonly method: "sub_refresh";
      readonly id: number;
      readonly channel: string;
      readonly token: string;
    };

export type Method = Command["method"];
/** A command that is answered. */
export type AnsweredCommand = Exclude<Command, { readonly method: "pong" | "send" }>;
export type AnsweredMethod = AnsweredCommand["method"];
