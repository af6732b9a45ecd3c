import {
  type AnsweredCommand,
  disconnects,
  isJsonObject,
  type JsonObject,
  type JsonText,
  toJsonText,
} from "@switchyard/protocol";
import { type Answer, closing } from "../answer.ts";
import type { Connection } from "../connection.ts";
import { history } from "./history.ts";
import { presence, presenceStats } from "./presence.ts";
import { publish } from "./publish.ts";
import { refresh, subRefresh } from "./refresh.ts";
import { rpc } from "./rpc.ts";
import { subscribe } from "./subscribe.ts";
import { unsubscribe } from "./unsubscribe.ts";

/** Starts `command` on a connection that has completed connect. */
export function execute(connection: Connection, command: AnsweredCommand): Promise<Answer> {
  switch (command.method) {
    case "subscribe":
      return subscribe(connection, command.request, command.id);
    case "unsubscribe":
      return unsubscribe(connection, command.channel);
    case "publish":
      return publish(connection, command.channel, command.data);
    case "presence":
      return presence(connection, command.channel);
    case "presence_stats":
      return presenceStats(connection, command.channel);
    case "history":
      return history(connection, command.request);
    case "rpc":
      return rpc(connection, command.name, command.data);
    case "refresh":
      return refresh(connection, command.token);
    case "sub_refresh":
      return subRefresh(connection, command.channel, command.token);
    case "connect":
      return Promise.resolve(closing(disconnects.badRequest));
  }
}

/**
 * `send` is never answered; it is routed by `data.type`, and what is wrong with it comes back as a `message` push
 * `{"type":"error","code","message","of"}`. A server that takes no `send` at all closes with 3508 (protocol 3.8).
 */
export function handleSend(
  connection: Connection,
  data: JsonText | undefined,
  overRate: boolean,
): void {
  const { send } = connection.services.methods;
  if (send.size === 0) return connection.close(disconnects.notAvailable);
  if (overRate) return sendError(connection, 111, "too many requests", "");
  const parsed = parseObject(data);
  const type = typeof parsed["type"] === "string" ? parsed["type"] : "";
  const handler = send.get(type);
  if (!handler || data === undefined) {
    const known = [...send.keys()].join(", ");
    return sendError(connection, 104, `data.type must be one of: ${known}`, type);
  }
  try {
    handler(connection.caller, data, parsed);
  } catch (error) {
    connection.services.log.error(
      { client: connection.id, requestId: connection.request.requestId, type, err: error },
      "a send handler failed",
    );
    sendError(connection, 100, "internal server error", type);
  }
}

function parseObject(data: JsonText | undefined): JsonObject {
  const value: unknown = data === undefined ? undefined : JSON.parse(data);
  return isJsonObject(value) ? value : {};
}

function sendError(connection: Connection, code: number, message: string, of: string): void {
  connection.push({ type: "message", data: toJsonText({ type: "error", code, message, of }) });
}
