import type { QueueState, SeqRange, StoredMessage } from "../ports/queue-store.ts";
import type { Burials } from "./burials.ts";
import { LaneWindow } from "./lane-window.ts";
import type { Message } from "./message.ts";
import type { QueueDepth } from "./queue-depth.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";
import type { StoreClock } from "./store-clock.ts";
import type { StoreReader } from "./store-reader.ts";

/** Bytes of a lane's messages in memory, at most. */
const windowBytes = 8 * 1024 * 1024;

interface ReadyLanesOptions {
  readonly state: QueueState;
  /** The highest seq that the queue has had. */
  readonly lastSeq: number;
  readonly depth: QueueDepth;
  readonly burials: Burials;
  readonly reader: StoreReader;
  readonly services: QueueServices;
}

/** A queue's ready messages: a window for each priority, filled from the store when it is half empty. */
export class ReadyLanes {
  readonly #home: QueueHome;
  readonly #windowMessages: number;
  readonly #depth: QueueDepth;
  readonly #burials: Burials;
  readonly #reader: StoreReader;
  readonly #storeClock: StoreClock;
  /** The most urgent first. */
  readonly windows: readonly LaneWindow[];

  constructor(home: QueueHome, options: ReadyLanesOptions) {
    const { state, lastSeq, services } = options;
    this.#home = home;
    this.#windowMessages = services.windowMessages;
    this.#depth = options.depth;
    this.#burials = options.burials;
    this.#reader = options.reader;
    this.#storeClock = services.storeClock;
    this.windows = Array.from({ length: 10 }, (_, lane) => {
      const stored = state.lanes.find((entry) => entry.lane === lane);
      if (stored) this.#depth.addStored(stored);
      return new LaneWindow(stored ? 0 : lastSeq, lastSeq);
    });
  }

  /** Publication time of the oldest message of the most urgent lane; undefined: none is in memory. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const lane of this.windows) {
      const at = lane.peek()?.event.publishedAt;
      if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
    }
    return oldest;
  }

  /** When the first of the lanes' next ones expires; Infinity: none does, or it could not be buried. */
  get nextExpiryAt(): number {
    let at = Number.POSITIVE_INFINITY;
    if (this.#burials.full) return at;
    for (const lane of this.windows) at = Math.min(at, lane.peek()?.expiresAt ?? at);
    return at;
  }

  /** A message has been committed, in the order of seq: it is in memory, or left to the store. */
  enter(message: Message): void {
    this.#depth.addReady(message);
    const lane = this.#laneOf(message);
    lane.enter(message, lane.size < this.#windowMessages && lane.bytes < windowBytes);
  }

  /** Back in its old place. */
  giveBack(message: Message): void {
    this.#depth.addReady(message);
    this.#laneOf(message).giveBack(message);
  }

  /** The next one of a lane. */
  take(lane: LaneWindow): Message | undefined {
    const message = lane.take();
    if (message) this.#depth.removeReady(message);
    return message;
  }

  /** The oldest of the least urgent; undefined: there is none, or it is being loaded. */
  takeLeastUrgent(): Message | undefined {
    const lane = this.windows.findLast(({ size, hasMore }) => size > 0 || hasMore);
    const message = lane && this.take(lane);
    if (lane && !message) this.load(lane);
    return message;
  }

  /** Buries the next one of a lane if its life is over. False: it is not. */
  buryIfExpired(lane: LaneWindow, { expiresAt }: Message): boolean {
    if (expiresAt === undefined || expiresAt > this.#storeClock.now()) return false;
    const message = this.take(lane);
    if (message) this.#burials.bury(message, "expired");
    return true;
  }

  /** Buries those that come next in their lanes and whose life is over. */
  buryExpired(): void {
    for (const lane of this.windows) {
      for (let next = lane.peek(); next && !this.#burials.full; next = lane.peek())
        if (!this.buryIfExpired(lane, next)) break;
    }
  }

  has(row: StoredMessage): boolean {
    return this.windows[row.lane]?.has(row.seq) ?? false;
  }

  /** Takes one out of the middle, in memory or not; undefined: it is not ready. */
  extract(row: StoredMessage): Message | undefined {
    const lane = this.windows[row.lane];
    if (!lane) return undefined;
    const message =
      lane.remove(row.seq) ?? (lane.skip(row.seq) ? this.#reader.messageOf(row) : undefined);
    if (message) this.#depth.removeReady(message);
    return message;
  }

  /** What is in the store alone. */
  stored(): SeqRange[] {
    return this.windows.flatMap(({ hasMore, cursor, tail }, lane) =>
      hasMore ? { queue: this.#home.id, lane, from: cursor + 1, to: tail } : [],
    );
  }

  /** Takes all that is in memory and passes over the rest; its caller sees to the depth. */
  clear(): Message[] {
    return this.windows.flatMap((lane) => lane.clear());
  }

  loadWhatIsMissing(): void {
    for (const lane of this.windows) {
      if (lane.hasMore && lane.size < this.#windowMessages / 2 && lane.bytes < windowBytes / 2)
        this.load(lane);
    }
  }

  /** Once at a time; the home is woken when it is done. */
  load(lane: LaneWindow): void {
    if (lane.loading) return;
    lane.loading = true;
    void this.#loadInto(lane);
  }

  async #loadInto(lane: LaneWindow): Promise<void> {
    const { generation, tail } = lane;
    const rows = await this.#reader.lane({
      lane: this.windows.indexOf(lane),
      after: lane.cursor,
      limit: Math.max(1, this.#windowMessages - lane.size),
      maxBytes: Math.max(1, windowBytes - lane.bytes),
    });
    lane.loading = false;
    if (!rows) return;
    if (lane.generation === generation) {
      // A message whose commit has not been heard of enters by that. What was committed before it is all here.
      const known = rows.filter(({ seq }) => seq <= lane.tail);
      const upTo = rows.length > known.length ? lane.tail : rows.length === 0 ? tail : undefined;
      lane.loaded(
        known.map((row) => this.#reader.messageOf(row)),
        upTo,
      );
      if (known.length === 0 && !lane.hasMore) this.#recount();
    }
    this.#home.shed();
    this.#home.wake();
  }

  /** Everything that is ready is in memory: what was counted beside it has been lost with the transient table. */
  #recount(): void {
    if (this.windows.some((lane) => lane.hasMore)) return;
    const inLanes = this.windows.map((lane) => lane.messages());
    this.#depth.recountReady(this.#burials.unburied(), ...inLanes);
  }

  #laneOf(message: Message): LaneWindow {
    const lane = this.windows[message.lane];
    if (!lane) throw new RangeError(`no lane ${message.lane}`);
    return lane;
  }
}
