import type { StoredMessage } from "@switchyard/core";
import { type Payload, trustJsonText } from "@switchyard/protocol";

/** A row of `messages` or `transient_messages` as the driver gives it: int8 as text. */
export interface MessageRow {
  readonly queue: number;
  readonly lane: number;
  readonly priority: number;
  readonly seq: string;
  readonly published_at: number;
  readonly expires_at: number | null;
  readonly deliver_at: number | null;
  readonly attempts: number;
  readonly id: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: string;
  readonly content_type: string | null;
  readonly body: string | null;
  readonly body_bytes: Uint8Array | null;
  readonly deaths: string | null;
}

/** Columns of `MessageRow`. */
export const messageColumns = `queue, lane, priority, seq, published_at, expires_at, deliver_at, attempts,
  id, exchange, key, headers, content_type, body, body_bytes, deaths`;

export function toStoredMessage(row: MessageRow): StoredMessage {
  return {
    queue: row.queue,
    lane: row.lane,
    seq: Number(row.seq),
    event: {
      id: row.id,
      exchange: row.exchange,
      key: row.key,
      // What was JSON when it was stored is so now; the same of body and deaths.
      headers: trustJsonText(row.headers),
      body: toPayload(row),
      contentType: row.content_type ?? "application/json",
      publishedAt: row.published_at,
    },
    priority: row.priority,
    attempts: row.attempts,
    expiresAt: row.expires_at ?? undefined,
    deliverAt: row.deliver_at ?? undefined,
    deaths: row.deaths === null ? undefined : trustJsonText(row.deaths),
  };
}

function toPayload({ body, body_bytes }: MessageRow): Payload {
  if (body !== null) return trustJsonText(body);
  return new Uint8Array(body_bytes ?? []);
}
