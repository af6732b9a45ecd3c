import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type {
  Flush,
  FlushOutcome,
  GivenId,
  Incarnation,
  QueueStore,
  StoredMessage,
} from "../ports/queue-store.ts";
import type { Random } from "../ports/random.ts";
import { backOff } from "./back-off.ts";
import { Batch, type BatchOutcome, Insert } from "./batch.ts";
import type { PlantedBug } from "./planted-bug.ts";

/** One flush: large enough that its fixed cost is small, small enough that what comes behind does not wait long. */
const flushMessages = 4_000;
const flushBytes = 4 * 1024 * 1024;
/** Flushes under way: while the store works on one, the next is there already. */
const depth = 2;
/** A second flush leaves when it has this part of the first one's messages: small ones cost more than they bring. */
const worthwhilePart = 0.5;
const worthwhileMessages = 16;
/** Full batches that wait: from here on, what can be put off is. */
const crowd = 4;
/** Those who ask for one confirmation within this part of the confirm timeout share it. */
const sharedPart = 0.1;

interface GroupCommitOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly confirmTimeoutMs: number;
  /** Its fate is known. Called before those who wait for the batch are told. */
  readonly onDone: (batch: Batch, outcome: BatchOutcome, transientIntact: boolean) => void;
  /** Another process runs under this node's name: nothing may be delivered or written any more. */
  readonly onFenced: () => void;
  readonly plantedBug: PlantedBug | undefined;
}

type FinalOutcome = Exclude<FlushOutcome, { readonly kind: "early" }>;

/** What was heard of a flush. `unknown`: it may have taken effect, now or later; or it came before its turn. */
type Answer =
  | { readonly kind: "outcome"; readonly outcome: FinalOutcome }
  | { readonly kind: "refused"; readonly error: unknown }
  | { readonly kind: "unknown"; readonly error: unknown };

/** A flush under way. */
interface Flight {
  readonly batch: Batch;
  readonly flush: Flush;
  answer: Promise<Answer>;
  sends: number;
}

interface Confirmation {
  readonly promise: Promise<void>;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
}

/**
 * Turns changes into flushes, without timers: while flushes are under way, what comes gathers in the next one. Each
 * takes effect only after the one before it (`Flush.after`), so that two may be on their way; those whose outcome is
 * unknown are sent again, unchanged and in order, until it is known. A number is never used for anything else: what the
 * store refuses leaves its number, and all that was to follow it, behind.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #incarnation: Incarnation | undefined;
  /** The highest number given. */
  #number = 0;
  /** Of the last flush that is committed. */
  #committed = 0;
  #open = new Batch();
  /** Full ones, in order. */
  #waiting: Batch[] = [];
  /** In order. */
  #flights: Flight[] = [];
  /** Of refused batches: their bytes are counted there. */
  readonly #pieces = new WeakSet<Batch>();
  #filling = false;
  #running: Promise<void> | undefined;
  readonly #confirmations = new WeakMap<Batch, Confirmation>();
  #ended = false;
  /** Of all that is not committed yet. */
  pendingBytes = 0;
  flushes = 0;
  retries = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  begin(incarnation: Incarnation): void {
    this.#incarnation = incarnation;
  }

  get fenced(): boolean {
    return this.#ended;
  }

  /** Flushes do not keep up with what comes. */
  get crowded(): boolean {
    return this.#waiting.length >= crowd;
  }

  /** The batch that what comes now belongs into. It leaves after this turn at the earliest. */
  open(): Batch {
    if (this.#open.size >= flushMessages || this.#open.bytes >= flushBytes) this.cut();
    if (this.#running === undefined) this.#running = Promise.resolve().then(() => this.#run());
    else if (!this.#filling && this.#flights.length < depth && this.#isWorthwhile) {
      this.#filling = true;
      queueMicrotask(() => {
        this.#filling = false;
        if (this.#flights.length > 0) this.#fill();
      });
    }
    return this.#open;
  }

  /** Adds messages that stand or fall together. Returns their batch. */
  insert(insert: Insert): Batch {
    const batch = this.open();
    const before = batch.bytes;
    batch.insert(insert);
    this.pendingBytes += batch.bytes - before;
    return batch;
  }

  /**
   * Fulfils when `batch` is committed. Rejects with `storeUnavailable` when that takes longer than the confirm timeout, or
   * can never be: what is in it may still be stored then, or not.
   */
  confirmed(batch: Batch): Promise<void> {
    const { clock, confirmTimeoutMs } = this.#options;
    const now = clock.monotonic();
    const known = this.#confirmations.get(batch);
    if (known && now - known.askedAt <= confirmTimeoutMs * sharedPart) return known.promise;
    const promise = this.#confirm(batch);
    promise.catch(() => undefined); // not everybody who could ask does
    this.#confirmations.set(batch, { promise, askedAt: now });
    return promise;
  }

  /** As `confirmed`, for all that has come by now. */
  soFar(): Promise<void> {
    const last = this.#open.empty
      ? (this.#waiting.at(-1) ?? this.#flights.at(-1)?.batch)
      : this.#open;
    return last ? this.confirmed(last) : Promise.resolve();
  }

  /** What comes from now on is not in the same flush as what has come. */
  cut(): void {
    if (this.#open.empty) return;
    this.#waiting.push(this.#open);
    this.#open = new Batch();
  }

  async #confirm(batch: Batch): Promise<void> {
    const { clock, confirmTimeoutMs } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.after(confirmTimeoutMs, () => {
      const detail = `PostgreSQL did not confirm within ${confirmTimeoutMs} ms; what was asked for may still happen.`;
      reject(new SwitchyardError("storeUnavailable", { detail }));
    });
    let outcome: BatchOutcome;
    try {
      outcome = await Promise.race([batch.done, late]);
    } finally {
      timer.cancel();
    }
    if (outcome === "refused") throw new SwitchyardError("internal");
    if (outcome === "fenced") {
      const detail = "This node does not write to its queues any more.";
      throw new SwitchyardError("storeUnavailable", { detail });
    }
  }

  /** Fulfils when everything that has come is committed, or will never be. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Gives up what is not committed. */
  end(): void {
    this.#ended = true;
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#flights.length === 0) this.#send(this.#next());
      this.#fill();
      const [first] = this.#flights;
      if (!first) break;
      await this.#land(first);
    }
    this.#running = undefined;
  }

  /** Sends what is worth it behind what is under way. */
  #fill(): void {
    while (this.#flights.length < depth && this.#isWorthwhile) this.#send(this.#next());
  }

  get #isWorthwhile(): boolean {
    if (this.#waiting.length > 0) return true;
    const last = this.#flights.at(-1)?.batch.size ?? 0;
    return this.#open.size >= Math.max(worthwhileMessages, last * worthwhilePart);
  }

  #next(): Batch | undefined {
    const full = this.#waiting.shift();
    if (full || this.#open.empty) return full;
    const batch = this.#open;
    this.#open = new Batch();
    return batch;
  }

  #send(batch: Batch | undefined): void {
    if (!batch) return;
    const flush = this.#flushOf(batch);
    this.#flights.push({ batch, flush, answer: this.#answerTo(flush), sends: 1 });
  }

  async #answerTo(flush: Flush): Promise<Answer> {
    if (this.#ended) return { kind: "outcome", outcome: { kind: "fenced" } };
    try {
      const outcome = await this.#options.store.flush(flush);
      if (outcome.kind !== "early") return { kind: "outcome", outcome };
      return { kind: "unknown", error: undefined };
    } catch (error) {
      const isUnknown = error instanceof SwitchyardError && error.kind === "storeUnavailable";
      return { kind: isUnknown ? "unknown" : "refused", error };
    }
  }

  async #land(flight: Flight): Promise<void> {
    const answer = await flight.answer;
    if (answer.kind === "unknown" && !this.#ended) return this.#sendAgain(flight, answer.error);
    if (answer.kind === "refused") return this.#refused(flight, answer.error);
    this.#flights.shift();
    const outcome = answer.kind === "outcome" ? answer.outcome : ({ kind: "fenced" } as const);
    this.#settle(flight, outcome);
    if (!this.#pieces.has(flight.batch)) this.pendingBytes -= flight.batch.bytes;
  }

  /** What is behind it is sent again too: it has had no effect, or its answer was lost as well. */
  async #sendAgain(first: Flight, error: unknown): Promise<void> {
    const { log } = this.#options;
    this.retries += 1;
    if (first.sends === 1) {
      log.warn(
        { flush: first.flush.number, err: error },
        "the outcome of a flush is unknown; it is sent again",
      );
    }
    const answers = await Promise.all(this.#flights.map(({ answer }) => answer));
    await backOff(first.sends, this.#options);
    for (const [index, flight] of this.#flights.slice(0, answers.length).entries()) {
      if (answers[index]?.kind === "outcome") continue;
      flight.sends += 1;
      flight.answer = this.#answerTo(flight.flush);
    }
  }

  #settle({ batch, flush, sends }: Flight, outcome: FinalOutcome): void {
    if (outcome.kind === "fenced") {
      this.fence();
      for (const insert of batch.inserts) insert.outcome = "fenced";
      return this.#done(batch, "fenced", true);
    }
    this.flushes += 1;
    this.#committed = flush.number;
    const duplicates =
      outcome.duplicates.length > 0
        ? new Set(outcome.duplicates.map((index) => flush.ids[index]))
        : undefined;
    for (const insert of batch.inserts)
      insert.outcome = insert.id && duplicates?.has(insert.id) ? "duplicate" : "committed";
    // Control of the checker: a flush that was sent again is stored again.
    if (this.#options.plantedBug === "retryWithoutLedger" && sends > 1) this.#storeAgain(batch);
    this.#done(batch, "committed", outcome.transientIntact);
  }

  #storeAgain(batch: Batch): void {
    for (const { messages } of [...batch.inserts]) {
      const again = messages.map((message) => message.home.accept(message.event, message));
      this.insert(new Insert(again, undefined));
    }
  }

  #done(batch: Batch, outcome: BatchOutcome, transientIntact: boolean): void {
    this.#options.onDone(batch, outcome, transientIntact);
    batch.complete(outcome);
  }

  /**
   * The store cannot hold something of it: piece by piece, so that only that is refused. What was sent behind it has
   * had no effect and never will have; it goes again, under new numbers, when the pieces have gone.
   */
  async #refused({ batch, flush }: Flight, error: unknown): Promise<void> {
    this.#options.log.error({ flush: flush.number, err: error }, "the store refused a flush");
    await Promise.all(this.#flights.map(({ answer }) => answer));
    const [, ...behind] = this.#flights;
    this.#flights = [];
    const pieces = batch.split();
    this.#waiting.unshift(...pieces, ...behind.map((flight) => flight.batch));
    for (const piece of pieces) this.#pieces.add(piece);
    if (!this.#pieces.has(batch)) this.pendingBytes -= batch.bytes;
    if (pieces.length === 0) {
      for (const insert of batch.inserts) insert.outcome = "refused";
      return this.#done(batch, "refused", true);
    }
    void Promise.all(pieces.map(({ done }) => done)).then(() =>
      batch.complete(this.#ended ? "fenced" : "committed"),
    );
  }

  #flushOf(batch: Batch): Flush {
    const ids: GivenId[] = [];
    const idOf = new Map<StoredMessage, number>();
    for (const { id, messages } of batch.inserts) {
      if (!id) continue;
      for (const message of messages) idOf.set(message, ids.length);
      ids.push(id);
    }
    if (!this.#incarnation) throw new Error("a flush before the takeover");
    this.#number += 1;
    return {
      incarnation: this.#incarnation,
      number: this.#number,
      after: this.#flights.at(-1)?.flush.number ?? this.#committed,
      durable: batch.changesOf(true),
      transient: batch.changesOf(false),
      marks: [...batch.marks].map(([home, seq]) => ({ queue: home.id, seq })),
      ids,
      idOf,
    };
  }

  /** A later incarnation has begun. */
  fence(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onFenced();
  }
}
