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

interface Confirmation {
  readonly promise: Promise<void>;
  /** Monotonic milliseconds. */
  readonly askedAt: number;
}

/**
 * Turns changes into flushes, without timers: while a flush is under way, what comes gathers in the next one. Flushes
 * are numbered and go one at a time, in order; one whose outcome is unknown is sent again, unchanged, until it is known.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #incarnation: Incarnation | undefined;
  #number = 0;
  #open = new Batch();
  /** Full ones, in order. */
  #waiting: Batch[] = [];
  #inFlight: Batch | undefined;
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
    this.#running ??= Promise.resolve().then(() => this.#run());
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
    const last = this.#open.empty ? (this.#waiting.at(-1) ?? this.#inFlight) : this.#open;
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
      const batch = this.#waiting.shift() ?? this.#takeOpen();
      if (!batch) break;
      this.#inFlight = batch;
      await this.#commit(batch);
      this.#inFlight = undefined;
      this.pendingBytes -= batch.bytes;
    }
    this.#running = undefined;
  }

  #takeOpen(): Batch | undefined {
    if (this.#open.empty) return undefined;
    const batch = this.#open;
    this.#open = new Batch();
    return batch;
  }

  async #commit(batch: Batch): Promise<void> {
    const flush = this.#flushOf(batch);
    const retries = this.retries;
    const outcome = await this.#insist(flush);
    if (outcome === "refused") return this.#refused(batch);
    if (outcome.kind === "fenced") {
      for (const insert of batch.inserts) insert.outcome = "fenced";
      return this.#done(batch, "fenced", true);
    }
    this.flushes += 1;
    this.#number = flush.number;
    const duplicates =
      outcome.duplicates.length > 0
        ? new Set(outcome.duplicates.map((index) => flush.ids[index]))
        : undefined;
    for (const insert of batch.inserts)
      insert.outcome = insert.id && duplicates?.has(insert.id) ? "duplicate" : "committed";
    // Control of the checker: a flush that was sent again is stored again.
    if (this.#options.plantedBug === "retryWithoutLedger" && this.retries > retries)
      for (const { messages } of [...batch.inserts])
        this.insert(
          new Insert(
            messages.map((message) => message.home.accept(message.event, message)),
            undefined,
          ),
        );
    this.#done(batch, "committed", outcome.transientIntact);
  }

  #done(batch: Batch, outcome: BatchOutcome, transientIntact: boolean): void {
    this.#options.onDone(batch, outcome, transientIntact);
    batch.complete(outcome);
  }

  /** The store cannot hold something of it: piece by piece, so that only that is refused. */
  async #refused(batch: Batch): Promise<void> {
    const pieces = batch.split();
    for (const piece of pieces) await this.#commit(piece);
    if (pieces.length > 0) return batch.complete(this.#ended ? "fenced" : "committed");
    for (const insert of batch.inserts) insert.outcome = "refused";
    this.#done(batch, "refused", true);
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
    return {
      incarnation: this.#incarnation,
      number: this.#number + 1,
      durable: batch.changesOf(true),
      transient: batch.changesOf(false),
      marks: [...batch.marks].map(([home, seq]) => ({ queue: home.id, seq })),
      ids,
      idOf,
    };
  }

  async #insist(flush: Flush): Promise<FlushOutcome | "refused"> {
    const { store, log } = this.#options;
    for (let attempt = 1; !this.#ended; attempt += 1) {
      try {
        const outcome = await store.flush(flush);
        if (outcome.kind === "fenced") this.fence();
        return outcome;
      } catch (error) {
        if (!(error instanceof SwitchyardError) || error.kind !== "storeUnavailable") {
          log.error({ flush: flush.number, err: error }, "the store refused a flush");
          return "refused";
        }
        this.retries += 1;
        if (attempt === 1)
          log.warn(
            { flush: flush.number, err: error },
            "the outcome of a flush is unknown; it is sent again",
          );
        await backOff(attempt, this.#options);
      }
    }
    return { kind: "fenced" };
  }

  /** A later incarnation has begun. */
  fence(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onFenced();
  }
}
