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
import { Batch, type Insert } from "./batch.ts";

/** One flush: large enough that its fixed cost is small, small enough that what comes behind does not wait long. */
const flushMessages = 4_000;
const flushBytes = 4 * 1024 * 1024;

interface GroupCommitOptions {
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly confirmTimeoutMs: number;
  /** Called before those who wait for the batch are told. */
  readonly onCommitted: (batch: Batch, transientIntact: boolean) => void;
  /** Another process runs under this node's name: nothing may be delivered or written any more. */
  readonly onFenced: () => void;
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
  readonly #confirmations = new WeakMap<Batch, Promise<void>>();
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
    const known = this.#confirmations.get(batch);
    if (known) return known;
    const confirmation = this.#confirm(batch);
    confirmation.catch(() => undefined); // not everybody who could ask does
    this.#confirmations.set(batch, confirmation);
    return confirmation;
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
    try {
      await Promise.race([batch.done, late]);
    } finally {
      timer.cancel();
    }
    if (this.#ended) {
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
    const outcome = await this.#insist(flush);
    if (outcome === "refused") return this.#refused(batch);
    if (outcome.kind === "fenced") {
      for (const insert of batch.inserts) insert.outcome = "fenced";
    } else {
      this.flushes += 1;
      this.#number = flush.number;
      const duplicates = new Set(outcome.duplicates.map((index) => flush.ids[index]));
      for (const insert of batch.inserts)
        insert.outcome = insert.id && duplicates.has(insert.id) ? "duplicate" : "committed";
    }
    this.#options.onCommitted(batch, outcome.kind === "fenced" || outcome.transientIntact);
    batch.complete();
  }

  /** The store cannot hold something of it: piece by piece, so that only that is refused. */
  async #refused(batch: Batch): Promise<void> {
    const pieces = batch.split();
    for (const piece of pieces) await this.#commit(piece);
    if (pieces.length === 0) {
      for (const insert of batch.inserts) insert.outcome = "refused";
      this.#options.onCommitted(batch, true);
    }
    batch.complete();
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
