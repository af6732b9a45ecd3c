import type { HistoryPage } from "../ports/bus.ts";
import type { Publication, StreamPosition } from "./publication.ts";

export type RecoveryResult =
  | { readonly kind: "failed" }
  | {
      readonly kind: "recovered";
      /** Ascending, without a gap from the client's position on. */
      readonly publications: readonly Publication[];
      /** What the client has with them. Below the node's position: the rest was too much for now. */
      readonly reached: number;
    };

export interface RecoveryInput {
  /** What the client has. An empty epoch matches any. */
  readonly since: StreamPosition;
  /** Read from history after the client's position. */
  readonly page: HistoryPage;
  /** Live publications of this node while the page was being read, ascending. */
  readonly buffered: readonly Publication[];
  /** The node's position: from here on the client follows the live topic. */
  readonly position: StreamPosition;
  /** More missed: failed. */
  readonly maxPublications: number;
  /** What is given now, as `recoveredBytes` counts it. */
  readonly maxBytes: number;
  /** The client cannot get past a heavier publication: failed when it is the first. */
  readonly maxPublicationBytes: number;
}

const failed = { kind: "failed" } as const;

/**
 * Merges history with what came live in the meantime, cut at the node's position (protocol 8.4, 8.6). What history
 * holds beyond the node's position is left out: it is about to come live. Fails unless all that was missed can be had;
 * of that, gives the first part that is light enough.
 */
export function recoverStream(input: RecoveryInput): RecoveryResult {
  const { since, page, position } = input;
  if (since.epoch !== "" && since.epoch !== position.epoch) return failed;
  if (page.top.epoch !== position.epoch || since.offset > position.offset) return failed;
  if (position.offset - since.offset > input.maxPublications) return failed;
  // A client that comes from another node may be ahead of what this one has buffered.
  const missed = merge(input).filter(({ offset }) => offset > since.offset);
  let expected = since.offset + 1;
  for (const publication of missed) {
    if (publication.offset !== expected) return failed;
    expected += 1;
  }
  const [first] = missed;
  // Behind a page that was cut short there is more; any other page lacks what is missing now.
  if (expected <= position.offset && (first === undefined || !isCutShort(page))) return failed;
  if (first && isHeavier([first], input.maxPublicationBytes)) return failed;
  const publications = firstUpTo(input.maxBytes, missed);
  return { kind: "recovered", publications, reached: since.offset + publications.length };
}

/** Only the latest publication counts (protocol 8.5). */
export function recoverLatest(input: RecoveryInput): RecoveryResult {
  const { since, position } = input;
  const latest = merge(input).at(-1);
  if (
    latest === undefined ||
    latest.offset !== position.offset ||
    input.page.top.epoch !== position.epoch
  )
    return failed;
  if (since.epoch === position.epoch && since.offset === position.offset)
    return { kind: "recovered", publications: [], reached: position.offset };
  if (isHeavier([latest], input.maxBytes)) return failed;
  return { kind: "recovered", publications: [latest], reached: position.offset };
}

function merge({ page, buffered, position }: RecoveryInput): Publication[] {
  const merged = page.publications.filter((publication) => publication.offset <= position.offset);
  if (isCutShort(page)) return merged;
  for (const publication of buffered) {
    if (publication.offset > page.top.offset && publication.offset <= position.offset)
      merged.push(publication);
  }
  return merged;
}

/** By the query's limit: of a forward page, the last publication is the top's otherwise. */
function isCutShort({ publications, top }: HistoryPage): boolean {
  const last = publications.at(-1);
  return last !== undefined && last.offset < top.offset;
}

/** Maybe none. */
function firstUpTo(maxBytes: number, publications: readonly Publication[]): readonly Publication[] {
  if (!isHeavier(publications, maxBytes)) return publications;
  let left = maxBytes;
  const end = publications.findIndex((publication) => {
    left -= recoveredBytes([publication]);
    return left < 0;
  });
  return publications.slice(0, end);
}

const envelopeBytes = 64;
const encoder = new TextEncoder();

/** Whether publications weigh more than `maxBytes` in the link's queue: data, info and tags, and a little for the envelope. */
function isHeavier(publications: readonly Publication[], maxBytes: number): boolean {
  const characters = sum(publications, (text) => text.length);
  // A UTF-16 unit is one to three bytes of UTF-8, so that most need no counting.
  if (characters * 3 <= maxBytes) return false;
  return (
    characters > maxBytes || sum(publications, (text) => encoder.encode(text).length) > maxBytes
  );
}

/** What a recovery takes of the link's queue. */
export function recoveredBytes(publications: readonly Weighed[]): number {
  return sum(publications, (text) => encoder.encode(text).length);
}

type Weighed = Pick<Publication, "data" | "info" | "tags">;

function sum(publications: readonly Weighed[], weigh: (text: string) => number): number {
  let total = 0;
  for (const { data, info, tags } of publications) {
    total += envelopeBytes + (typeof data === "string" ? weigh(data) : data.length);
    if (info) {
      total += weigh(info.user) + info.client.length;
      total += weigh(info.connInfo ?? "") + weigh(info.chanInfo ?? "");
    }
    if (tags) total += weigh(JSON.stringify(tags));
  }
  return total;
}
