import type {
  GivenId,
  MessageChange,
  MessageChanges,
  SeqRange,
  StoredMessage,
} from "../ports/queue-store.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";

/** What became of a batch, or of a group of messages that stand or fall together. */
export type BatchOutcome =
  | "committed"
  /** The store refused it: nothing was stored. */
  | "refused"
  /** Fenced: nothing was stored, and this node may not write any more. */
  | "fenced";

/** `duplicate`: its id was known: nothing was stored. */
export type InsertOutcome = BatchOutcome | "duplicate";

/** Messages of one event, one for each of its queues: all are stored or none. */
export class Insert {
  readonly messages: readonly Message[];
  readonly id: GivenId | undefined;
  /** What it takes the place of, in another queue: gone when it is stored, and only then. */
  readonly replaces: Message | undefined;
  outcome: InsertOutcome | undefined;

  constructor(messages: readonly Message[], id: GivenId | undefined, replaces?: Message) {
    this.messages = messages;
    this.id = id;
    this.replaces = replaces;
  }
}

/** A message that gets another place in its queue. */
export interface Move {
  readonly message: Message;
  readonly change: MessageChange;
  /** Inserts of the batch that came before it. */
  readonly after: number;
}

/** One for durable, one for transient queues. */
interface Deletions {
  readonly messages: Message[];
  readonly ranges: SeqRange[];
}

/** The changes that go into one flush. Filled while the flush before it is under way. */
export class Batch {
  readonly inserts: Insert[] = [];
  readonly moves: Move[] = [];
  readonly #durable: Deletions = { messages: [], ranges: [] };
  readonly #transient: Deletions = { messages: [], ranges: [] };
  /** Messages that stay where they are, with another number of attempts. */
  readonly #attempts = new Map<Message, MessageChange>();
  readonly #marks = new Map<QueueHome, number>();
  readonly #completion = Promise.withResolvers<BatchOutcome>();
  /** Of bodies and the like, on their way into the store. */
  bytes = 0;
  #size = 0;

  /** Fulfils when the fate of everything in it is known. Never rejects. */
  get done(): Promise<BatchOutcome> {
    return this.#completion.promise;
  }

  /** Messages that it inserts, changes or deletes. */
  get size(): number {
    return this.#size;
  }

  get empty(): boolean {
    return this.#size === 0 && this.#marks.size === 0;
  }

  get marks(): ReadonlyMap<QueueHome, number> {
    return this.#marks;
  }

  insert(insert: Insert): void {
    this.inserts.push(insert);
    this.#size += insert.messages.length;
    for (const message of insert.messages) this.bytes += message.footprint;
    if (insert.replaces) this.#attempts.delete(insert.replaces);
  }

  delete(message: Message): void {
    this.#attempts.delete(message); // one statement must not change a row twice
    this.#deletions(message.home.definition.durable).messages.push(message);
    this.#size += 1;
  }

  deleteRange(range: SeqRange, durable: boolean): void {
    this.#deletions(durable).ranges.push(range);
    this.#size += 1;
  }

  /** Its attempts are another number; its place is the same. */
  attempted(message: Message): void {
    const { queue, lane, seq, attempts } = message;
    const place = { queue, lane, seq, newLane: lane, newSeq: seq };
    this.#attempts.set(message, { ...place, attempts, deliverAt: undefined });
    this.#size += 1;
  }

  move(message: Message, newLane: number, newSeq: number): void {
    const { queue, lane, seq, attempts, deliverAt } = message;
    this.#attempts.delete(message);
    const change = { queue, lane, seq, newLane, newSeq, attempts, deliverAt };
    this.moves.push({ message, change, after: this.inserts.length });
    this.#size += 1;
  }

  /** The queue is about to deliver messages below `seq`. */
  mark(home: QueueHome, seq: number): void {
    this.#marks.set(home, Math.max(seq, this.#marks.get(home) ?? 0));
  }

  complete(outcome: BatchOutcome): void {
    this.#completion.resolve(outcome);
  }

  /** Inserts and moves in the order in which they came: a queue's are in the order of their seqs. */
  forEachArrival(inserted: (insert: Insert) => void, moved: (move: Move) => void): void {
    let next = 0;
    for (const [at, insert] of this.inserts.entries()) {
      for (let move = this.moves[next]; move && move.after <= at; move = this.moves[next]) {
        moved(move);
        next += 1;
      }
      inserted(insert);
    }
    for (const move of this.moves.slice(next)) moved(move);
  }

  changesOf(durable: boolean): MessageChanges {
    const { messages, ranges } = this.#deletions(durable);
    const inserted: StoredMessage[] = [];
    let deleted = messages;
    for (const insert of this.inserts) {
      for (const message of insert.messages) {
        if (message.home.definition.durable === durable) inserted.push(message);
      }
      if (insert.replaces?.home.definition.durable === durable) {
        if (deleted === messages) deleted = [...messages]; // sent again it must be the same
        deleted.push(insert.replaces);
      }
    }
    const changed: MessageChange[] = [];
    for (const [{ home }, change] of this.#attempts)
      if (home.definition.durable === durable) changed.push(change);
    for (const { message, change } of this.moves)
      if (message.home.definition.durable === durable) changed.push(change);
    return { inserted, deleted: rangesOf(deleted).concat(ranges), changed };
  }

  /**
   * The same in pieces, for a flush that the store refuses: what is no arrival, then each arrival by itself, in their
   * order. None: it is in one piece.
   */
  split(): Batch[] {
    const pieces: Batch[] = [];
    const piece = (fill: (batch: Batch) => void): void => {
      const batch = new Batch();
      fill(batch);
      if (!batch.empty) pieces.push(batch);
    };
    piece((rest) => {
      for (const durable of [true, false]) {
        const { messages, ranges } = this.#deletions(durable);
        for (const message of messages) rest.delete(message);
        for (const range of ranges) rest.deleteRange(range, durable);
      }
      for (const message of this.#attempts.keys()) rest.attempted(message);
      for (const [home, seq] of this.#marks) rest.mark(home, seq);
    });
    this.forEachArrival(
      (insert) => piece((batch) => batch.insert(insert)),
      ({ message, change }) => piece((batch) => batch.move(message, change.newLane, change.newSeq)),
    );
    return pieces.length > 1 ? pieces : [];
  }

  #deletions(durable: boolean): Deletions {
    return durable ? this.#durable : this.#transient;
  }
}

function order(one: Message, other: Message): number {
  return one.queue - other.queue || one.lane - other.lane || one.seq - other.seq;
}

/** Neighbours become one range. */
function rangesOf(messages: readonly Message[]): SeqRange[] {
  const isSorted = messages.every((message, at) => {
    const before = messages[at - 1];
    return before === undefined || order(before, message) < 0;
  });
  const ranges: { queue: number; lane: number; from: number; to: number }[] = [];
  let last: (typeof ranges)[number] | undefined;
  // What one consumer acknowledges is in order mostly.
  for (const { queue, lane, seq } of isSorted ? messages : messages.toSorted(order)) {
    if (last && last.queue === queue && last.lane === lane && last.to === seq - 1) last.to = seq;
    else ranges.push((last = { queue, lane, from: seq, to: seq }));
  }
  return ranges;
}
