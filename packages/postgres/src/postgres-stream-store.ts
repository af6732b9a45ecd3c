import { channelName } from "@switchyard/core";
import type {
  ClientInfo,
  Publication,
  SnapshotPublication,
  StreamSnapshot,
  StreamStore,
} from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";
import type { JsonText } from "@switchyard/protocol";
import type { Sql } from "postgres";
import type { Database } from "./database.ts";

/** Bounds of one insert: rows, and bytes of payload. */
const BATCH_ROWS = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;
const PAGE_ROWS = 5_000;
/** A hundred years, for lives without an end. */
const LONGEST_LIFE_MS = 100 * 365 * 24 * 3_600_000;

export interface PostgresStreamStoreOptions {
  /** May be started later than the store is made, but before it is used. */
  readonly database: Database;
  /** Stable name of the node whose streams these are: nodes that share a database do not take each other's. */
  readonly node: string;
}

/** Streams in the tables `switchyard.streams` and `switchyard.stream_publications`; lives end by PostgreSQL's now(). */
export class PostgresStreamStore implements StreamStore {
  readonly #options: PostgresStreamStoreOptions;

  constructor(options: PostgresStreamStoreOptions) {
    this.#options = options;
  }

  async save(streams: Iterable<StreamSnapshot>): Promise<void> {
    const { database, node } = this.#options;
    await database.transaction(async (tx) => {
      await removeAll(tx, node);
      let batch = new Batch();
      let stream = 0;
      for (const snapshot of streams) {
        stream += 1;
        batch.addStream(stream, snapshot);
        for (const publication of snapshot.publications) {
          batch.addPublication(stream, publication);
          if (!batch.full) continue;
          await insertBatch(tx, node, batch);
          batch = new Batch();
        }
        if (!batch.full) continue;
        await insertBatch(tx, node, batch);
        batch = new Batch();
      }
      await insertBatch(tx, node, batch);
    });
  }

  async take(): Promise<readonly StreamSnapshot[]> {
    const { database, node } = this.#options;
    return database.transaction(async (tx) => {
      // The rows are locked first: of two that take at once, the second finds nothing.
      await tx`select from switchyard.streams where node = ${node} for update`;
      const streams = await tx<StreamRow[]>`
        select stream, channel, epoch, top, version, version_epoch,
               extract(epoch from expires_at - now())::float8 * 1000 as left_ms
        from switchyard.streams
        where node = ${node} and expires_at > now()
        order by stream`;
      const publications = new Map<number, SnapshotPublication[]>();
      for (const { stream } of streams) publications.set(stream, []);
      for await (const row of readPublications(tx, node)) {
        publications.get(row.stream)?.push(toSnapshotPublication(row));
      }
      await removeAll(tx, node);
      return streams.map((row) => toSnapshot(row, publications.get(row.stream) ?? []));
    });
  }
}

/** In pages, so that the driver does not hold all rows beside the result. */
async function* readPublications(tx: Sql, node: string): AsyncGenerator<PublicationRow> {
  let after: { readonly stream: number; readonly offset: string } = { stream: 0, offset: "0" };
  for (;;) {
    const rows: readonly PublicationRow[] = await tx<PublicationRow[]>`
      select stream, "offset", id, data, is_json, info, tags, published_at,
             extract(epoch from expires_at - now())::float8 * 1000 as left_ms
      from switchyard.stream_publications
      where node = ${node} and (stream, "offset") > (${after.stream}, ${after.offset}) and expires_at > now()
      order by stream, "offset"
      limit ${PAGE_ROWS}`;
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last;
  }
}

interface StreamRow {
  readonly stream: number;
  readonly channel: string;
  readonly epoch: string;
  readonly top: string;
  readonly version: number;
  readonly version_epoch: string;
  readonly left_ms: number;
}

interface PublicationRow {
  readonly stream: number;
  readonly offset: string;
  readonly id: string;
  readonly data: Uint8Array;
  readonly is_json: boolean;
  readonly info: string | null;
  readonly tags: string | null;
  readonly published_at: number;
  readonly left_ms: number;
}

/** Rows to insert, by column: the statement stays the same whatever their number. */
class Batch {
  readonly streams = {
    stream: new Array<number>(),
    channel: new Array<string>(),
    epoch: new Array<string>(),
    top: new Array<number>(),
    version: new Array<number>(),
    versionEpoch: new Array<string>(),
    leftMs: new Array<number>(),
  };
  readonly publications = {
    stream: new Array<number>(),
    offset: new Array<number>(),
    id: new Array<string>(),
    data: new Array<string>(),
    /** 1 or 0: the driver sends an array of booleans as one boolean. */
    isJson: new Array<number>(),
    info: new Array<string | null>(),
    tags: new Array<string | null>(),
    publishedAt: new Array<number>(),
    leftMs: new Array<number>(),
  };
  #bytes = 0;

  get full(): boolean {
    const { streams, publications } = this;
    return (
      streams.stream.length + publications.stream.length >= BATCH_ROWS || this.#bytes >= BATCH_BYTES
    );
  }

  addStream(stream: number, snapshot: StreamSnapshot): void {
    const columns = this.streams;
    columns.stream.push(stream);
    columns.channel.push(escapeText(snapshot.channel));
    columns.epoch.push(escapeText(snapshot.epoch));
    columns.top.push(snapshot.top);
    columns.version.push(snapshot.version);
    columns.versionEpoch.push(escapeText(snapshot.versionEpoch));
    columns.leftMs.push(boundedLife(snapshot.metaTtlLeftMs));
  }

  addPublication(stream: number, { publication, ttlLeftMs }: SnapshotPublication): void {
    const { data, info, tags } = publication;
    const isJson = typeof data === "string";
    const bytes = isJson
      ? Buffer.from(data, "utf8")
      : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const columns = this.publications;
    columns.stream.push(stream);
    columns.offset.push(publication.offset);
    columns.id.push(escapeText(publication.id));
    columns.data.push(bytes.toString("hex"));
    columns.isJson.push(isJson ? 1 : 0);
    columns.info.push(info === undefined ? null : JSON.stringify(info));
    columns.tags.push(tags === undefined ? null : JSON.stringify(tags));
    columns.publishedAt.push(publication.publishedAt);
    columns.leftMs.push(boundedLife(ttlLeftMs));
    this.#bytes += bytes.length;
  }
}

async function removeAll(tx: Sql, node: string): Promise<void> {
  await tx`delete from switchyard.stream_publications where node = ${node}`;
  await tx`delete from switchyard.streams where node = ${node}`;
}

async function insertBatch(tx: Sql, node: string, batch: Batch): Promise<void> {
  const { streams, publications } = batch;
  if (streams.stream.length > 0) {
    await tx`
      insert into switchyard.streams (node, stream, channel, epoch, top, version, version_epoch, expires_at)
      select ${node}, stream, channel, epoch, top, version, version_epoch, now() + left_ms * interval '1 millisecond'
      from unnest(${streams.stream}::int[], ${streams.channel}::text[], ${streams.epoch}::text[],
                  ${streams.top}::bigint[], ${streams.version}::float8[], ${streams.versionEpoch}::text[],
                  ${streams.leftMs}::float8[])
           as row (stream, channel, epoch, top, version, version_epoch, left_ms)`;
  }
  if (publications.stream.length > 0) {
    await tx`
      insert into switchyard.stream_publications
        (node, stream, "offset", id, data, is_json, info, tags, published_at, expires_at)
      select ${node}, stream, "offset", id, decode(data, 'hex'), is_json::boolean, info, tags, published_at,
             now() + left_ms * interval '1 millisecond'
      from unnest(${publications.stream}::int[], ${publications.offset}::bigint[], ${publications.id}::text[],
                  ${publications.data}::text[], ${publications.isJson}::int[], ${publications.info}::text[],
                  ${publications.tags}::text[], ${publications.publishedAt}::float8[],
                  ${publications.leftMs}::float8[])
           as row (stream, "offset", id, data, is_json, info, tags, published_at, left_ms)`;
  }
}

function toSnapshot(row: StreamRow, publications: readonly SnapshotPublication[]): StreamSnapshot {
  return {
    channel: channelName(unescapeText(row.channel)),
    epoch: unescapeText(row.epoch),
    top: Number(row.top),
    publications,
    metaTtlLeftMs: row.left_ms,
    version: row.version,
    versionEpoch: unescapeText(row.version_epoch),
  };
}

function toSnapshotPublication(row: PublicationRow): SnapshotPublication {
  // What was JSON when it was saved is so now.
  const data = row.is_json
    ? trustJsonText(Buffer.from(row.data).toString("utf8"))
    : new Uint8Array(row.data);
  const publication: Publication = {
    data,
    offset: Number(row.offset),
    id: unescapeText(row.id),
    info: row.info === null ? undefined : parseInfo(row.info),
    // Written by addPublication from a value of this type.
    tags: row.tags === null ? undefined : (JSON.parse(row.tags) as Record<string, string>),
    publishedAt: row.published_at,
  };
  return { publication, ttlLeftMs: row.left_ms };
}

function parseInfo(text: string): ClientInfo {
  // Written by addPublication from a ClientInfo, whose undefined members JSON leaves out.
  const info = JSON.parse(text) as {
    user: string;
    client: string;
    connInfo?: JsonText;
    chanInfo?: JsonText;
  };
  return { user: info.user, client: info.client, connInfo: info.connInfo, chanInfo: info.chanInfo };
}

function boundedLife(leftMs: number): number {
  return Math.min(leftMs, LONGEST_LIFE_MS);
}

/** A string as the inside of a JSON string: PostgreSQL's text holds neither U+0000 nor half a surrogate pair. */
function escapeText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function unescapeText(text: string): string {
  // Written by escapeText.
  return JSON.parse(`"${text}"`) as string;
}
