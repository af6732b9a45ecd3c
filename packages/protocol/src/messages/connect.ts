import type { Fields } from "../json/fields.ts";
import type { JsonText } from "../payload.ts";
import { type SubscribeResult, subscribeResultJson } from "./subscribe.ts";

/** First command of every connection (protocol 3.1). */
export interface ConnectRequest {
  /** Connection JWT; "" without one. */
  readonly token: string;
  readonly data: JsonText | undefined;
  /** Positions of server-side subscriptions to recover. */
  readonly subs: ReadonlyMap<string, ConnectSubscription>;
  /** Name and version of the SDK. Cut to 16 and 64 characters. */
  readonly name: string;
  readonly version: string;
}

export interface ConnectSubscription {
  readonly recover: boolean;
  readonly offset: number;
  readonly epoch: string;
}

export interface ConnectResult {
  readonly client: string;
  readonly version: string;
  readonly data: JsonText | undefined;
  /** Seconds until the client must refresh its token; undefined: it never expires. */
  readonly ttlSeconds: number | undefined;
  readonly subs: ReadonlyMap<string, SubscribeResult>;
  /** Seconds between pings; 0: none. */
  readonly pingSeconds: number;
  /** The client must answer pings. */
  readonly pong: boolean;
  /** Emulation transports only; "" otherwise. */
  readonly session: string;
  readonly node: string;
  /** Server time in ms; 0: not sent. */
  readonly timeMs: number;
}

export function parseConnectRequest(fields: Fields): ConnectRequest {
  const subs = new Map<string, ConnectSubscription>();
  for (const [channel, sub] of fields.objects("subs")) {
    subs.set(channel, {
      recover: sub.boolean("recover"),
      offset: sub.integer("offset"),
      epoch: sub.string("epoch"),
    });
  }
  return {
    token: fields.string("token"),
    data: fields.raw("data"),
    subs,
    name: fields.string("name").slice(0, 16),
    version: fields.string("version").slice(0, 64),
  };
}

export function connectResultJson(result: ConnectResult): string {
  let json = `{"client":${JSON.stringify(result.client)},"version":${JSON.stringify(result.version)}`;
  if (result.ttlSeconds !== undefined) json += `,"expires":true,"ttl":${result.ttlSeconds}`;
  if (result.data !== undefined) json += `,"data":${result.data}`;
  if (result.subs.size > 0) {
    const subs = Array.from(
      result.subs,
      ([channel, sub]) => `${JSON.stringify(channel)}:${subscribeResultJson(sub)}`,
    );
    json += `,"subs":{${subs.join(",")}}`;
  }
  if (result.pingSeconds > 0) json += `,"ping":${result.pingSeconds}`;
  if (result.pong) json += `,"pong":true`;
  if (result.session !== "") json += `,"session":${JSON.stringify(result.session)}`;
  if (result.node !== "") json += `,"node":${JSON.stringify(result.node)}`;
  if (result.timeMs !== 0) json += `,"time":${result.timeMs}`;
  return `${json}}`;
}
