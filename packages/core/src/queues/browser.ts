import { SwitchyardError } from "../errors/switchyard-error.ts";
import { delayedLane, type StoredMessage } from "../ports/queue-store.ts";
import type { BrowsedMessage, BrowsePage, BrowseResult } from "./broker-operations.ts";
import { parseDeaths } from "./deaths.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

const pageBytes = 4 * 1024 * 1024;

export interface StoredPage {
  readonly rows: readonly StoredMessage[];
  /** undefined: that was all. */
  readonly cursor: string | undefined;
}

/** Looks into a queue without taking anything: pages of what the store has, in the order of (lane, seq). */
export class Browser {
  readonly #services: QueueServices;

  constructor(services: QueueServices) {
    this.#services = services;
  }

  /** Shows nothing any more of what its caller has been told is gone. */
  async page(home: QueueHome, page: BrowsePage): Promise<BrowseResult> {
    await this.#services.commit.soFar();
    const { rows, cursor } = await this.rows(home, page);
    return { messages: rows.map((row) => describe(home, row)), cursor };
  }

  /** What has a seq below `below`. Rejects with `badRequest` for a cursor that is none. */
  async rows(
    home: QueueHome,
    { limit, cursor }: BrowsePage,
    below = Number.POSITIVE_INFINITY,
  ): Promise<StoredPage> {
    let { lane, after } = parseCursor(cursor);
    const rows: StoredMessage[] = [];
    let bytesLeft = pageBytes;
    while (lane <= delayedLane) {
      const found = await this.#services.store.load({
        queue: home.id,
        durable: home.definition.durable,
        lane,
        after,
        limit: limit - rows.length,
        maxBytes: bytesLeft,
      });
      const wanted = found.filter(({ seq }) => seq < below);
      rows.push(...wanted);
      for (const { event } of wanted) bytesLeft -= event.body.length;
      const last = wanted.length === found.length ? found.at(-1) : undefined;
      if (last && (rows.length >= limit || bytesLeft <= 0))
        return { rows, cursor: `${lane}.${last.seq}` };
      // Only an empty answer is the end of a lane: a page may have been cut by its bytes.
      if (last) after = last.seq;
      else [lane, after] = [lane + 1, 0];
    }
    return { rows, cursor: undefined };
  }
}

function describe(home: QueueHome, row: StoredMessage): BrowsedMessage {
  const { event, seq, priority, attempts, expiresAt, deliverAt } = row;
  const ready = home.isReady(row) ? "ready" : "unsettled";
  return {
    seq,
    state: row.lane === delayedLane ? "delayed" : ready,
    id: event.id,
    exchange: event.exchange,
    key: event.key,
    headers: event.headers,
    body: event.body,
    contentType: event.contentType,
    priority,
    attempts,
    publishedAt: event.publishedAt,
    expiresAt,
    deliverAt,
    deaths: parseDeaths(row.deaths),
  };
}

function parseCursor(cursor: string | undefined): {
  readonly lane: number;
  readonly after: number;
} {
  if (cursor === undefined) return { lane: 0, after: 0 };
  const [, lane, after] = /^(\d{1,2})\.(\d{1,16})$/.exec(cursor) ?? [];
  if (lane !== undefined && after !== undefined)
    return { lane: Number(lane), after: Number(after) };
  const detail = "cursor must be one that an earlier page has returned.";
  throw new SwitchyardError("badRequest", { detail, field: "cursor" });
}
