export type { Codec } from "./codec.ts";
export { closeReason, type Disconnect, disconnects } from "./codes/disconnect-codes.ts";
export { type Unsubscribe, unsubscribes } from "./codes/unsubscribe-codes.ts";
export type { AnsweredCommand, AnsweredMethod, Command, Method } from "./command.ts";
export { InappropriatePayload } from "./inappropriate-payload.ts";
export { Fields, isJsonObject, type JsonObject } from "./json/fields.ts";
export { jsonCodec } from "./json/json-codec.ts";
export { sliceElements, sliceMembers, type SliceTree } from "./json/member-slices.ts";
export { type ClientInfo, clientInfoJson } from "./messages/client-info.ts";
export type { ConnectRequest, ConnectResult, ConnectSubscription } from "./messages/connect.ts";
export { type HistoryRequest, type HistoryResult, historyResultJson } from "./messages/history.ts";
export {
  type PresenceResult,
  presenceResultJson,
  type PresenceStatsResult,
  presenceStatsResultJson,
} from "./messages/presence.ts";
export type { WirePublication } from "./messages/publication.ts";
export type { RefreshResult } from "./messages/refresh.ts";
export type { Recovery, SubscribeRequest, SubscribeResult } from "./messages/subscribe.ts";
export {
  cutJsonText,
  type JsonText,
  parseJsonText,
  type Payload,
  toJsonText,
  trustJsonText,
} from "./payload.ts";
export { ProtocolError } from "./protocol-error.ts";
export type { Push, Reply, ReplyError } from "./reply.ts";
