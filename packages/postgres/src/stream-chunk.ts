import { channelName } from "@switchyard/core";
import type { ClientInfo, SnapshotPublication, StreamSnapshot } from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";

/** Part of a save: what fits into one row. */
export interface StreamChunk {
  /**
   * One JSON array a line: a stream, or a publication of the last stream before it, which may be in an earlier chunk.
   * JSON escapes what PostgreSQL's text cannot hold: U+0000 and halves of surrogate pairs.
   */
  readonly records: string;
  /** The data of the publications, one after the other. */
  readonly payloads: Uint8Array;
}

type StreamRecord = readonly [
  kind: "s",
  channel: string,
  epoch: string,
  top: number,
  version: number,
  versionEpoch: string,
  leftMs: number,
];

type PublicationRecord = readonly [
  /** j: JSON text in UTF-8, to be given back byte for byte. b: bytes. */
  kind: "j" | "b",
  bytes: number,
  offset: number,
  id: string,
  publishedAt: number,
  leftMs: number,
  info: ClientInfo | null,
  tags: Readonly<Record<string, string>> | null,
];

/** A hundred years, for lives without an end, which JSON cannot write. */
const longestLifeMs = 100 * 365 * 24 * 3_600_000;

/** Cuts `streams` into chunks of about `chunkBytes`; one publication alone may be more. Lazy. None for no streams. */
export function* encodeChunks(
  streams: Iterable<StreamSnapshot>,
  chunkBytes: number,
): Generator<StreamChunk, void, undefined> {
  let records: string[] = [];
  let payloads: Uint8Array[] = [];
  let size = 0;
  const take = (): StreamChunk => {
    const chunk = { records: records.join("\n"), payloads: Buffer.concat(payloads) };
    records = [];
    payloads = [];
    size = 0;
    return chunk;
  };
  for (const snapshot of streams) {
    const stream = JSON.stringify(streamRecord(snapshot));
    records.push(stream);
    size += stream.length;
    if (size >= chunkBytes) yield take();
    for (const item of snapshot.publications) {
      const { data } = item.publication;
      const payload = typeof data === "string" ? Buffer.from(data, "utf8") : data;
      const record = JSON.stringify(publicationRecord(item, payload.byteLength));
      records.push(record);
      payloads.push(payload);
      size += record.length + payload.byteLength;
      if (size >= chunkBytes) yield take();
    }
  }
  if (records.length > 0) yield take();
}

/** Puts streams together from their chunks, which are added in order; what has come to the end of its life is left out. */
export class ChunkReader {
  readonly #elapsedMs: number;
  readonly #streams: StreamSnapshot[] = [];
  /** Of the last stream; undefined when that has ended. */
  #publications: SnapshotPublication[] | undefined;

  /** `elapsedMs`: since the chunks were written. */
  constructor(elapsedMs: number) {
    this.#elapsedMs = elapsedMs;
  }

  get streams(): readonly StreamSnapshot[] {
    return this.#streams;
  }

  add({ records, payloads }: StreamChunk): void {
    const bytes = Buffer.from(payloads.buffer, payloads.byteOffset, payloads.byteLength);
    let start = 0;
    for (const line of records.split("\n")) {
      // Written by encodeChunks.
      const record = JSON.parse(line) as StreamRecord | PublicationRecord;
      if (record[0] === "s") {
        this.#addStream(record);
      } else {
        const end = start + record[1];
        this.#addPublication(record, bytes.subarray(start, end));
        start = end;
      }
    }
  }

  #addStream([, channel, epoch, top, version, versionEpoch, leftMs]: StreamRecord): void {
    const metaTtlLeftMs = leftMs - this.#elapsedMs;
    this.#publications = undefined;
    if (metaTtlLeftMs <= 0) return;
    const publications: SnapshotPublication[] = [];
    this.#publications = publications;
    this.#streams.push({
      channel: channelName(channel),
      epoch,
      top,
      publications,
      metaTtlLeftMs,
      version,
      versionEpoch,
    });
  }

  #addPublication(record: PublicationRecord, payload: Buffer): void {
    const [kind, , offset, id, publishedAt, leftMs, info, tags] = record;
    const ttlLeftMs = leftMs - this.#elapsedMs;
    if (ttlLeftMs <= 0) return;
    this.#publications?.push({
      publication: {
        // What was JSON when it was saved is so now. Both are copies: a chunk must not stay for one publication.
        data: kind === "j" ? trustJsonText(payload.toString("utf8")) : new Uint8Array(payload),
        offset,
        id,
        info: info === null ? undefined : withAllMembers(info),
        tags: tags ?? undefined,
        publishedAt,
      },
      ttlLeftMs,
    });
  }
}

function streamRecord(snapshot: StreamSnapshot): StreamRecord {
  const { channel, epoch, top, version, versionEpoch, metaTtlLeftMs } = snapshot;
  return ["s", channel, epoch, top, version, versionEpoch, boundedLife(metaTtlLeftMs)];
}

function publicationRecord(
  { publication, ttlLeftMs }: SnapshotPublication,
  bytes: number,
): PublicationRecord {
  const { data, offset, id, info, tags, publishedAt } = publication;
  const kind = typeof data === "string" ? "j" : "b";
  const leftMs = boundedLife(ttlLeftMs);
  return [kind, bytes, offset, id, publishedAt, leftMs, info ?? null, tags ?? null];
}

/** JSON has left out those that are undefined. */
function withAllMembers({ user, client, connInfo, chanInfo }: ClientInfo): ClientInfo {
  return { user, client, connInfo, chanInfo };
}

function boundedLife(leftMs: number): number {
  return Math.min(leftMs, longestLifeMs);
}
