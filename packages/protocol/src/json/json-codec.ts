import type { Codec } from "../codec.ts";
import { clientInfoJson } from "../messages/client-info.ts";
import { connectResultJson } from "../messages/connect.ts";
import { historyResultJson } from "../messages/history.ts";
import { presenceResultJson, presenceStatsResultJson } from "../messages/presence.ts";
import { publicationJson } from "../messages/publication.ts";
import { refreshResultJson } from "../messages/refresh.ts";
import { subscribeResultJson } from "../messages/subscribe.ts";
import type { Push, Reply, ReplyError } from "../reply.ts";
import { decodeCommands } from "./decode-commands.ts";

/** The JSON form of the protocol. Objects are separated by a newline inside a frame (protocol 1.2). */
export const jsonCodec: Codec = {
  encoding: "json",
  ping: "{}",
  decode: decodeCommands,
  reply: (id, reply) => `{"id":${id},"${reply.method}":${resultJson(reply)}}`,
  error: (id, error) => `{"id":${id},"error":${errorJson(error)}}`,
  push: (push) => `{"push":${pushJson(push)}}`,
};

function resultJson(reply: Reply): string {
  switch (reply.method) {
    case "connect":
      return connectResultJson(reply.result);
    case "subscribe":
      return subscribeResultJson(reply.result);
    case "unsubscribe":
    case "publish":
      return "{}";
    case "presence":
      return presenceResultJson(reply.result);
    case "presence_stats":
      return presenceStatsResultJson(reply.result);
    case "history":
      return historyResultJson(reply.result);
    case "rpc":
      return reply.data === undefined ? "{}" : `{"data":${reply.data}}`;
    case "refresh":
    case "sub_refresh":
      return refreshResultJson(reply.result);
  }
}

function errorJson({ code, message, temporary }: ReplyError): string {
  const tail = temporary ? `,"temporary":true}` : "}";
  return `{"code":${code},"message":${JSON.stringify(message)}${tail}`;
}

function pushJson(push: Push): string {
  switch (push.type) {
    case "publication":
      return `{"channel":${JSON.stringify(push.channel)},"pub":${publicationJson(push.publication, push.epoch, push.timeMs)}}`;
    case "join":
    case "leave":
      return `{"channel":${JSON.stringify(push.channel)},"${push.type}":{"info":${clientInfoJson(push.info)}}}`;
    case "unsubscribe":
      return `{"channel":${JSON.stringify(push.channel)},"unsubscribe":${codeAndReason(push.unsubscribe)}}`;
    case "subscribe":
      return `{"channel":${JSON.stringify(push.channel)},"subscribe":${subscribePushJson(push)}}`;
    case "message":
      return `{"message":{"data":${push.data}}}`;
    case "disconnect":
      return `{"disconnect":${codeAndReason(push.disconnect)}}`;
    case "refresh":
      return push.ttlSeconds === undefined
        ? `{"refresh":{}}`
        : `{"refresh":{"expires":true,"ttl":${push.ttlSeconds}}}`;
  }
}

function subscribePushJson(push: Extract<Push, { readonly type: "subscribe" }>): string {
  return subscribeResultJson({ ...push, recovery: { kind: "none" }, ttlSeconds: undefined });
}

function codeAndReason({
  code,
  reason,
}: {
  readonly code: number;
  readonly reason: string;
}): string {
  return `{"code":${code},"reason":${JSON.stringify(reason)}}`;
}
