import type { Fields } from "../json/fields.ts";
import { publicationJson, type WirePublication } from "./publication.ts";

/** Protocol 3.6. */
export interface HistoryRequest {
  readonly channel: string;
  /** 0: position only; negative: all, up to the server's maximum. */
  readonly limit: number;
  /** Exclusive. */
  readonly since: { readonly offset: number; readonly epoch: string } | undefined;
  readonly reverse: boolean;
}

export interface HistoryResult {
  readonly publications: readonly WirePublication[];
  /** The stream's top. */
  readonly epoch: string;
  readonly offset: number;
}

export function parseHistoryRequest(fields: Fields): HistoryRequest {
  const since = fields.object("since");
  return {
    channel: fields.string("channel"),
    limit: fields.integer("limit", -0x80000000, 0x7fffffff),
    since: since && { offset: since.integer("offset"), epoch: since.string("epoch") },
    reverse: fields.boolean("reverse"),
  };
}

/** All three members are always present (protocol 1.7). */
export function historyResultJson(result: HistoryResult): string {
  const publications = result.publications.map((publication) => publicationJson(publication));
  return `{"publications":[${publications.join(",")}],"epoch":${JSON.stringify(result.epoch)},"offset":${result.offset}}`;
}
