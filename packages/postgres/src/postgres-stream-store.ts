import type { StreamSnapshot, StreamStore } from "@switchyard/core";
import type { Database } from "./database.ts";
import { ChunkReader, encodeChunks } from "./stream-chunk.ts";
import type { StreamChunk } from "./stream-chunk.ts";

/** Of one row: what a save and a take hold in memory, a few times over. */
const CHUNK_BYTES = 2 * 1024 * 1024;

export interface PostgresStreamStoreOptions {
  /** May be started later than the store is made, but before it is used. */
  readonly database: Database;
  /** Stable name of the node whose streams these are: nodes that share a database do not take each other's. */
  readonly node: string;
}

/**
 * Streams in the table `switchyard.stream_chunks`; lives end by PostgreSQL's now(). A save is one transaction and
 * writes some 45 MB of payloads, or 200,000 small publications, a second (2 cores, PostgreSQL on the same machine).
 */
export class PostgresStreamStore implements StreamStore {
  readonly #options: PostgresStreamStoreOptions;

  constructor(options: PostgresStreamStoreOptions) {
    this.#options = options;
  }

  async save(streams: Iterable<StreamSnapshot>): Promise<void> {
    const { database, node } = this.#options;
    await database.transaction(async (tx) => {
      await tx`delete from switchyard.stream_chunks where node = ${node}`;
      let chunk = 0;
      for (const { records, payloads } of encodeChunks(streams, CHUNK_BYTES)) {
        chunk += 1;
        await tx`
          insert into switchyard.stream_chunks (node, chunk, saved_at, records, payloads)
          values (${node}, ${chunk}, now(), ${records}, ${payloads})`;
      }
    });
  }

  async take(): Promise<readonly StreamSnapshot[]> {
    const { database, node } = this.#options;
    return database.transaction(async (tx) => {
      // The rows are locked first: of two that take at once, the second finds nothing.
      const [saved] = await tx<{ elapsed_ms: number }[]>`
        select extract(epoch from now() - saved_at)::float8 * 1000 as elapsed_ms
        from switchyard.stream_chunks
        where node = ${node}
        order by chunk
        for update`;
      if (saved === undefined) return [];
      const reader = new ChunkReader(saved.elapsed_ms);
      // One at a time, so that the driver does not hold all of them beside the result.
      for (let chunk = 1; ; chunk += 1) {
        const [row] = await tx<StreamChunk[]>`
          select records, payloads
          from switchyard.stream_chunks
          where node = ${node} and chunk = ${chunk}`;
        if (row === undefined) break;
        reader.add(row);
      }
      await tx`delete from switchyard.stream_chunks where node = ${node}`;
      return reader.streams;
    });
  }
}
