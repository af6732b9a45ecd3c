import type {
  GivenId,
  MessageChange,
  MessageChanges,
  SeqRange,
  StoredMessage,
} from "../ports/queue-store.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";

/** What became of a group of messages that stand or fall together. */
export type InsertOutcome =
  | "committed"
  /** Its id was known: nothing was stored. */
  | "duplicate"
  /** The store refused it: nothing was stored. */
  | "refused"
  /** Fenced: nothing was stored, and this node may not write any more. */
  | "fenced";

/** Messages of one event, one for each of its queues: all are stored or none. */
export class Insert {
  readonly messages: readonly Message[];
  readonly id: GivenId | undefined;
  /** What it takes the place of, in another queue: gone when it is stored, and only then. */
  readonly replaces: Message | undefined;
  outcome: InsertOutcome | undefined;

  constructor(
    messages: readonly Message[],
    more: { readonly id?: GivenId | undefined; readonly replaces?: Message } = {},
  ) {
    this.messages = messages;
    this.id = more.id;
    this.replaces = more.replaces;
  }
}

/** A message that changes in its queue; `entered` again by its home when it has another place then. */
interface Change {
  readonly change: MessageChange;
  readonly durable: boolean;
}

/** The changes that go into one flush. Filled while the flush before it is under way. */
export class Batch {
  readonly inserts: Insert[] = [];
  readonly #deleted: Message[] = [];
  readonly #deletedRanges: (SeqRange & { readonly durable: boolean })[] = [];
  readonly #changes = new Map<Message, Change>();
  readonly #marks = new Map<QueueHome, number>();
  readonly #completion = Promise.withResolvers<void>();
  /** Of bodies and the like, on their way into the store. */
  bytes = 0;
  #messages = 0;

  /** Fulfils when the fate of everything in it is known. Never rejects. */
  get done(): Promise<void> {
    return this.#completion.promise;
  }

  /** Messages that it inserts, changes or deletes. */
  get size(): number {
    return this.#messages;
  }

  get empty(): boolean {
    return this.#messages === 0 && this.#marks.size === 0 && this.#deletedRanges.length === 0;
  }

  get changes(): Iterable<readonly [Message, MessageChange]> {
    return [...this.#changes].map(([message, { change }]) => [message, change] as const);
  }

  get marks(): ReadonlyMap<QueueHome, number> {
    return this.#marks;
  }

  insert(insert: Insert): void {
    this.inserts.push(insert);
    this.#messages += insert.messages.length;
    for (const message of insert.messages) this.bytes += message.footprint;
    if (insert.replaces) this.#changes.delete(insert.replaces);
  }

  delete(message: Message): void {
    this.#changes.delete(message); // one statement must not change a row twice
    this.#deleted.push(message);
    this.#messages += 1;
  }

  deleteRange(range: SeqRange, durable: boolean): void {
    this.#deletedRanges.push({ ...range, durable });
  }

  change(message: Message, change: MessageChange): void {
    this.#changes.set(message, { change, durable: message.home.definition.durable });
    this.#messages += 1;
  }

  /** The queue is about to deliver messages below `seq`. */
  mark(home: QueueHome, seq: number): void {
    this.#marks.set(home, Math.max(seq, this.#marks.get(home) ?? 0));
  }

  complete(): void {
    this.#completion.resolve();
  }

  changesOf(durable: boolean): MessageChanges {
    const inserted: StoredMessage[] = [];
    for (const { messages } of this.inserts) {
      for (const message of messages) {
        if (message.home.definition.durable === durable) inserted.push(message);
      }
    }
    const changed: MessageChange[] = [];
    for (const entry of this.#changes.values()) {
      if (entry.durable === durable) changed.push(entry.change);
    }
    const replaced = this.inserts.flatMap(({ replaces }) => replaces ?? []);
    const deleted = rangesOf(
      [...this.#deleted, ...replaced].filter(({ home }) => home.definition.durable === durable),
    );
    for (const range of this.#deletedRanges) if (range.durable === durable) deleted.push(range);
    return { inserted, deleted, changed };
  }

  /** The same in pieces: each insert by itself, and the rest. None: it is in one piece. For a flush that the store refuses. */
  split(): Batch[] {
    const rest = new Batch();
    for (const message of this.#deleted) rest.delete(message);
    for (const range of this.#deletedRanges) rest.deleteRange(range, range.durable);
    for (const [message, { change }] of this.#changes) rest.change(message, change);
    for (const [home, seq] of this.#marks) rest.mark(home, seq);
    const alone = this.inserts.map((insert) => {
      const batch = new Batch();
      batch.insert(insert);
      return batch;
    });
    if (alone.length <= 1 && rest.empty) return [];
    if (alone.length === 0) return [];
    return rest.empty ? alone : [...alone, rest];
  }
}

/** Neighbours become one range. */
function rangesOf(messages: readonly Message[]): SeqRange[] {
  const sorted = messages.toSorted(
    (one, other) => one.queue - other.queue || one.lane - other.lane || one.seq - other.seq,
  );
  const ranges: { queue: number; lane: number; from: number; to: number }[] = [];
  for (const { queue, lane, seq } of sorted) {
    const last = ranges.at(-1);
    if (last && last.queue === queue && last.lane === lane && last.to === seq - 1) last.to = seq;
    else ranges.push({ queue, lane, from: seq, to: seq });
  }
  return ranges;
}
