import type { MessageChange, SeqRange, StoredMessage } from "@switchyard/core";
import { NumberColumn, TextColumn } from "./row-columns.ts";

/** What a prepared statement gets: text that PostgreSQL parses, whatever the type. */
export type Parameter = string | null;

const JSON_TYPE = "application/json";

/** Messages to insert, by column, in the order of `insertedColumns`. */
export class InsertedMessages {
  readonly #queue = new NumberColumn();
  readonly #lane = new NumberColumn();
  readonly #priority = new NumberColumn();
  readonly #seq = new NumberColumn();
  readonly #publishedAt = new NumberColumn();
  readonly #expiresAt = new NumberColumn();
  readonly #deliverAt = new NumberColumn();
  readonly #attempts = new NumberColumn();
  readonly #given = new NumberColumn();
  readonly #id = new TextColumn();
  readonly #exchange = new TextColumn();
  readonly #key = new TextColumn();
  readonly #headers = new TextColumn();
  /** Behind a "=", because it may be empty, which is not the same as the usual one. */
  readonly #contentType = new TextColumn();
  readonly #body = new TextColumn();
  readonly #bodyHex = new TextColumn();
  readonly #deaths = new TextColumn();

  /** `given`: position of its id among those of the flush. */
  add(message: StoredMessage, given: number | undefined): void {
    const { event } = message;
    this.#queue.add(message.queue);
    this.#lane.add(message.lane);
    this.#priority.add(message.priority === 0 ? undefined : message.priority);
    this.#seq.add(message.seq);
    this.#publishedAt.add(event.publishedAt);
    this.#expiresAt.add(message.expiresAt);
    this.#deliverAt.add(message.deliverAt);
    this.#attempts.add(message.attempts === 0 ? undefined : message.attempts);
    this.#given.add(given);
    this.#id.add(event.id);
    this.#exchange.add(event.exchange);
    this.#key.add(event.key);
    this.#headers.add(event.headers);
    this.#contentType.add(event.contentType === JSON_TYPE ? undefined : `=${event.contentType}`);
    const { body } = event;
    this.#body.add(typeof body === "string" ? body : undefined);
    this.#bodyHex.add(
      typeof body === "string"
        ? undefined
        : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("hex"),
    );
    this.#deaths.add(message.deaths);
  }

  toParameters(): readonly Parameter[] {
    return [
      this.#queue,
      this.#lane,
      this.#priority,
      this.#seq,
      this.#publishedAt,
      this.#expiresAt,
      this.#deliverAt,
      this.#attempts,
      this.#given,
      this.#id,
      this.#exchange,
      this.#key,
      this.#headers,
      this.#contentType,
      this.#body,
      this.#bodyHex,
      this.#deaths,
    ].map((column) => column.toParameter());
  }
}

/** Of the arrays that make a row of `InsertedMessages`; text stands for a joined one. */
export const insertedColumns = [
  ["queue", "int"],
  ["lane", "smallint"],
  ["priority", "smallint"],
  ["seq", "bigint"],
  ["published_at", "float8"],
  ["expires_at", "float8"],
  ["deliver_at", "float8"],
  ["attempts", "int"],
  ["given", "int"],
  ["id", "text"],
  ["exchange", "text"],
  ["key", "text"],
  ["headers", "text"],
  ["content_type", "text"],
  ["body", "text"],
  ["body_hex", "text"],
  ["deaths", "text"],
] as const satisfies readonly Column[];

export const rangeColumns = [
  ["queue", "int"],
  ["lane", "smallint"],
  ["first", "bigint"],
  ["last", "bigint"],
] as const satisfies readonly Column[];

export const changeColumns = [
  ["queue", "int"],
  ["lane", "smallint"],
  ["seq", "bigint"],
  ["new_lane", "smallint"],
  ["new_seq", "bigint"],
  ["attempts", "int"],
  ["deliver_at", "float8"],
] as const satisfies readonly Column[];

/** Name and type of a column. */
export type Column = readonly [
  name: string,
  type: "int" | "smallint" | "bigint" | "float8" | "text",
];

export function rangeParameters(ranges: readonly SeqRange[]): readonly Parameter[] {
  return [
    numbers(ranges, ({ queue }) => queue),
    numbers(ranges, ({ lane }) => lane),
    numbers(ranges, ({ from }) => from),
    numbers(ranges, ({ to }) => to),
  ];
}

export function changeParameters(changes: readonly MessageChange[]): readonly Parameter[] {
  return [
    numbers(changes, ({ queue }) => queue),
    numbers(changes, ({ lane }) => lane),
    numbers(changes, ({ seq }) => seq),
    numbers(changes, ({ newLane }) => newLane),
    numbers(changes, ({ newSeq }) => newSeq),
    numbers(changes, ({ attempts }) => attempts),
    numbers(changes, ({ deliverAt }) => deliverAt),
  ];
}

export function numbers<Item>(
  items: Iterable<Item>,
  valueOf: (item: Item) => number | undefined,
): Parameter {
  const column = new NumberColumn();
  for (const item of items) column.add(valueOf(item));
  return column.toParameter();
}

export function texts<Item>(items: Iterable<Item>, valueOf: (item: Item) => string): Parameter {
  const column = new TextColumn();
  for (const item of items) column.add(valueOf(item));
  return column.toParameter();
}
