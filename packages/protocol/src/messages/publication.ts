import type { Payload } from "../payload.ts";
import { InappropriatePayload } from "../inappropriate-payload.ts";
import { type ClientInfo, clientInfoJson } from "./client-info.ts";

/** A publication on the wire (protocol 7). */
export interface WirePublication {
  readonly data: Payload;
  /** 0: none. */
  readonly offset: number;
  readonly info: ClientInfo | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/**
 * `epoch` accompanies the first publication of a stream, so that a client subscribed to an empty stream learns it;
 * "" otherwise. Throws InappropriatePayload for bytes that are not JSON (protocol 1.6).
 */
export function publicationJson(publication: WirePublication, epoch = "", timeMs = 0): string {
  const { data, offset, info, tags } = publication;
  if (typeof data !== "string") throw new InappropriatePayload();
  let json = `{"data":${data}`;
  if (info) json += `,"info":${clientInfoJson(info)}`;
  if (offset !== 0) json += `,"offset":${offset}`;
  const tagsJson = tags && JSON.stringify(tags);
  // An empty map is a zero value, which is left out (protocol 1.7).
  if (tagsJson && tagsJson !== "{}") json += `,"tags":${tagsJson}`;
  if (timeMs !== 0) json += `,"time":${timeMs}`;
  if (epoch !== "") json += `,"epoch":${JSON.stringify(epoch)}`;
  return `${json}}`;
}
