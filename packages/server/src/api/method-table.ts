import type { ApiMethod } from "./api-method.ts";
import { broadcast } from "./methods/broadcast.ts";
import { channels } from "./methods/channels.ts";
import { connections } from "./methods/connections.ts";
import { disconnect } from "./methods/disconnect.ts";
import { getUserStatus } from "./methods/get-user-status.ts";
import { historyRemove } from "./methods/history-remove.ts";
import { history } from "./methods/history.ts";
import { info } from "./methods/info.ts";
import { onlineUsers } from "./methods/online-users.ts";
import { presenceStats } from "./methods/presence-stats.ts";
import { presence } from "./methods/presence.ts";
import { publish } from "./methods/publish.ts";
import { refresh } from "./methods/refresh.ts";
import { rpc } from "./methods/rpc.ts";
import { send } from "./methods/send.ts";
import { subscribe } from "./methods/subscribe.ts";
import { unsubscribe } from "./methods/unsubscribe.ts";

/**
 * All methods. Routes, batches and legacy commands are all served from here. The order is that of a batch command
 * with several methods, of which only the first runs.
 */
export const apiMethods: readonly ApiMethod[] = [
  publish,
  broadcast,
  subscribe,
  unsubscribe,
  disconnect,
  history,
  historyRemove,
  presence,
  presenceStats,
  info,
  rpc,
  refresh,
  channels,
  connections,
  getUserStatus,
  send,
  onlineUsers,
];

/** Names of legacy commands given as numbers: the number is the index. */
export const legacyNumbers: readonly string[] = [
  "publish",
  "broadcast",
  "unsubscribe",
  "disconnect",
  "presence",
  "presence_stats",
  "history",
  "history_remove",
  "channels",
  "info",
  "rpc",
  "subscribe",
  "refresh",
];

/**
 * Methods that exist elsewhere under these names and not here. As legacy commands they are answered 104, while a name
 * that nobody knows spoils the whole request. As routes they are 404 like any other.
 */
export const unavailableMethods: ReadonlySet<string> = new Set([
  "update_user_status",
  "delete_user_status",
  "block_user",
  "unblock_user",
  "revoke_token",
  "invalidate_user_tokens",
  "device_register",
  "device_update",
  "device_remove",
  "device_list",
  "device_topic_list",
  "device_topic_update",
  "user_topic_list",
  "user_topic_update",
  "send_push_notification",
  "update_push_status",
  "cancel_push",
  "map_publish",
  "map_remove",
  "map_read_state",
  "map_read_stream",
  "map_stats",
  "map_clear",
  "shared_poll_publish",
]);
