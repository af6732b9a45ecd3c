import type { Fields } from "../json/fields.ts";
import type { JsonText } from "../payload.ts";
import { publicationJson, type WirePublication } from "./publication.ts";

/** Client-side subscription to a stream channel (protocol 3.2). */
export interface SubscribeRequest {
  readonly channel: string;
  /** Subscription JWT; "" without one. */
  readonly token: string;
  readonly data: JsonText | undefined;
  readonly recover: boolean;
  readonly offset: number;
  readonly epoch: string;
  /** Wishes, honoured when the namespace permits. */
  readonly positioned: boolean;
  readonly recoverable: boolean;
  readonly joinLeave: boolean;
  readonly delta: string;
  /** Flag bit 2: answer 112 instead of `recovered: false`. */
  readonly rejectUnrecovered: boolean;
  /** 0: stream. Others are refused by the namespace's type. */
  readonly type: number;
  /** A tags filter was given. */
  readonly filtered: boolean;
}

/** What came of recovery. */
export type Recovery =
  | { readonly kind: "none" }
  | { readonly kind: "failed" }
  /** Ascending, without a gap from the client's position on; what they leave out follows as pushes. */
  | { readonly kind: "recovered"; readonly publications: readonly WirePublication[] };

export interface SubscribeResult {
  readonly recoverable: boolean;
  readonly positioned: boolean;
  /** "" and 0 when neither recoverable nor positioned. After a recovery `offset` echoes the request's (8.4). */
  readonly epoch: string;
  readonly offset: number;
  readonly recovery: Recovery;
  /** Seconds until the subscription token must be refreshed; undefined: never. */
  readonly ttlSeconds: number | undefined;
  readonly data: JsonText | undefined;
}

const rejectUnrecoveredFlag = 2;

export function parseSubscribeRequest(fields: Fields): SubscribeRequest {
  return {
    channel: fields.string("channel"),
    token: fields.string("token"),
    data: fields.raw("data"),
    recover: fields.boolean("recover"),
    offset: fields.integer("offset"),
    epoch: fields.string("epoch"),
    positioned: fields.boolean("positioned"),
    recoverable: fields.boolean("recoverable"),
    joinLeave: fields.boolean("join_leave"),
    delta: fields.string("delta"),
    rejectUnrecovered: (fields.integer("flag") & rejectUnrecoveredFlag) !== 0,
    type: fields.integer("type"),
    filtered: fields.has("tf"),
  };
}

export function subscribeResultJson(result: SubscribeResult): string {
  const members: string[] = [];
  if (result.ttlSeconds !== undefined) members.push(`"expires":true,"ttl":${result.ttlSeconds}`);
  if (result.recoverable) members.push(`"recoverable":true`);
  if (result.epoch !== "") members.push(`"epoch":${JSON.stringify(result.epoch)}`);
  if (result.recovery.kind !== "none") members.push(`"was_recovering":true`);
  if (result.recovery.kind === "recovered") {
    members.push(`"recovered":true`);
    const publications = result.recovery.publications.map((publication) =>
      publicationJson(publication),
    );
    if (publications.length > 0) members.push(`"publications":[${publications.join(",")}]`);
  }
  if (result.offset !== 0) members.push(`"offset":${result.offset}`);
  if (result.positioned) members.push(`"positioned":true`);
  if (result.data !== undefined) members.push(`"data":${result.data}`);
  return `{${members.join(",")}}`;
}
