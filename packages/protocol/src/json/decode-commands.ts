import type { Command, Method } from "../command.ts";
import { parseConnectRequest } from "../messages/connect.ts";
import { parseHistoryRequest } from "../messages/history.ts";
import { parseSubscribeRequest } from "../messages/subscribe.ts";
import { ProtocolError } from "../protocol-error.ts";
import { Fields, isJsonObject } from "./fields.ts";

const maxCommandId = 0xffffffff;

/** When several method keys are present the first of this order wins (protocol 2.1). */
const methods = [
  "connect",
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "presence_stats",
  "history",
  "rpc",
  "send",
  "refresh",
  "sub_refresh",
] as const satisfies readonly Method[];

/** One or more JSON objects, one a line; a trailing newline is allowed (protocol 1.2). */
export function decodeCommands(frame: string): Command[] {
  const commands: Command[] = [];
  for (const line of frame.split("\n")) {
    if (line.trim() !== "") commands.push(decodeCommand(line));
  }
  if (commands.length === 0) throw new ProtocolError("a frame holds at least one command");
  return commands;
}

function decodeCommand(text: string): Command {
  const parsed = parseObject(text);
  const fields = new Fields(parsed, text, 0);
  const id = fields.integer("id", 0, maxCommandId);
  for (const method of methods) {
    const request = fields.object(method);
    if (request) return readCommand(method, id, request);
  }
  if (id === 0) return { method: "pong" };
  throw new ProtocolError("a command names a method");
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ProtocolError("a command must be a JSON object", { cause: error });
  }
  if (!isJsonObject(parsed)) throw new ProtocolError("a command must be a JSON object");
  return parsed;
}

function readCommand(method: (typeof methods)[number], id: number, fields: Fields): Command {
  if (method === "send") return { method, data: fields.rawOrNull("data") };
  if (id === 0) throw new ProtocolError("a command that is answered has an id above 0");
  switch (method) {
    case "connect":
      return { method, id, request: parseConnectRequest(fields) };
    case "subscribe":
      return { method, id, request: parseSubscribeRequest(fields) };
    case "publish":
      return { method, id, channel: fields.string("channel"), data: fields.rawOrNull("data") };
    case "history":
      return { method, id, request: parseHistoryRequest(fields) };
    case "rpc":
      return { method, id, name: fields.string("method"), data: fields.rawOrNull("data") };
    case "refresh":
      return { method, id, token: fields.string("token") };
    case "sub_refresh":
      return { method, id, channel: fields.string("channel"), token: fields.string("token") };
    case "unsubscribe":
    case "presence":
    case "presence_stats":
      return { method, id, channel: fields.string("channel") };
  }
}
