import { delayedLane, type QueueState, type SeqRange } from "../ports/queue-store.ts";
import { DelayedWindow, delayedPlaceOf } from "./delayed-window.ts";
import type { Message } from "./message.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";
import type { SeqSource } from "./seq-source.ts";
import type { StoreReader } from "./store-reader.ts";

/** Delayed messages in memory: this part of a lane's window. */
const delayedPart = 0.2;

interface DelayedMessagesOptions {
  readonly state: QueueState;
  readonly seqs: SeqSource;
  readonly reader: StoreReader;
  readonly services: QueueServices;
}

/** A queue's delayed messages: a window of the next ones, filled from the store when it is half empty. */
export class DelayedMessages {
  readonly #home: QueueHome;
  readonly #seqs: SeqSource;
  readonly #reader: StoreReader;
  readonly #window: DelayedWindow;
  #size: number;
  /** Those up to this seq are purged, or about to be: the store may still show them. */
  #purgedTo = 0;

  constructor(home: QueueHome, { state, seqs, reader, services }: DelayedMessagesOptions) {
    this.#home = home;
    this.#seqs = seqs;
    this.#reader = reader;
    this.#size = state.lanes.find(({ lane }) => lane === delayedLane)?.messages ?? 0;
    this.#window = new DelayedWindow(
      Math.ceil(services.windowMessages * delayedPart),
      this.#size > 0,
    );
  }

  /** Whether in memory or in the store. */
  get size(): number {
    return this.#size;
  }

  /** When the next one is due; undefined: nothing is in memory. */
  get nextAt(): number | undefined {
    return this.#window.nextAt;
  }

  enter(message: Message): void {
    this.#size += 1;
    this.#window.enter(message);
  }

  takeDue(now: number): Message | undefined {
    const message = this.#window.takeDue(now);
    if (message) this.#size -= 1;
    return message;
  }

  /** Forgets all. Returns where the store has them. */
  purge(): SeqRange[] {
    if (this.#size === 0) return [];
    this.#purgedTo = this.#seqs.committed;
    this.clear();
    return [{ queue: this.#home.id, lane: delayedLane, from: 1, to: this.#purgedTo }];
  }

  /** The store has lost them. */
  clear(): void {
    this.#window.clear();
    this.#size = 0;
  }

  /** The home is woken when it is done. */
  loadWhatIsMissing(): void {
    if (this.#window.wantsMore && !this.#window.loading) void this.#load();
  }

  async #load(): Promise<void> {
    const window = this.#window;
    window.loadBegins();
    const { generation, horizon } = window;
    const limit = Math.max(1, window.room);
    const after = horizon && horizon.deliverAt > 0 ? horizon : undefined;
    const rows = await this.#reader.delayed({ after, limit });
    window.loading = false;
    if (!rows) return;
    if (window.generation === generation) {
      const known = rows.filter(({ seq }) => seq <= this.#seqs.committed && seq > this.#purgedTo);
      const last = rows.at(-1);
      window.loaded(
        known.map((row) => this.#reader.messageOf(row)),
        rows.length < limit || last === undefined ? undefined : delayedPlaceOf(last),
      );
    }
    this.#home.wake();
  }
}
