import type { Timer } from "../ports/clock.ts";
import {
  delayedLane,
  type Event,
  type QueueState,
  type StoredMessage,
  type SeqRange,
} from "../ports/queue-store.ts";
import type { QueueDefinition } from "../ports/topology-store.ts";
import { backOff } from "./back-off.ts";
import type { Batch } from "./batch.ts";
import type { DeliverySink, QueueCounts, Settlement } from "./broker-operations.ts";
import type { DeathReason } from "./death-record.ts";
import { DelayedWindow, delayedPlaceOf } from "./delayed-window.ts";
import { LaneWindow } from "./lane-window.ts";
import { laneOf, Message, type MessageTerms } from "./message.ts";
import { PullDesk } from "./pull-desk.ts";
import { QueueConsumer } from "./queue-consumer.ts";
import type { QueueServices } from "./queue-services.ts";
import { retryDelayMs } from "./retry-delay.ts";

/** Bytes of a lane's messages in memory, at most. */
const windowBytes = 8 * 1024 * 1024;
/** Delayed messages in memory: this part of a lane's window. */
const delayedPart = 0.2;
/** How many windows ahead of its deliveries a queue says what it may deliver: one small write for as many messages. */
const windowsMarked = 2;
/** A consumer gets as many at a time, so that back-pressure is seen in time. */
const dispatchRound = 64;
/** A dead letter that finds no room tries again; with so many of them the queue delivers nothing more. */
const buryAgainMs = 1_000;
const unburiedMessages = 1_000;
/** Delayed messages that become ready in one go. */
const dueRound = 1_000;
/** With flushes behind, what is due waits so long. */
const crowdedMs = 20;
/** A queue that could not be deleted is asked again. */
const unusedAgainMs = 10_000;
/** What one statement purges beyond the window: so many that it ends well before its timeout. */
const purgeSeqs = 200_000;
/** Longest wait of a timer. */
const timerBoundMs = 2 ** 30;

/**
 * One queue on its home node: gives seqs, keeps the window, delivers, enforces the queue's limits.
 *
 * A message is *incoming* (assigned, its flush not committed), then *ready* (in a lane's window, or in the store alone)
 * or *delayed*; *unsettled* with a consumer; and gone when it is acknowledged, buried or dropped. What is given back is
 * ready again in its old place. Only committed messages are delivered, and only those below a mark that is committed too,
 * so that a later incarnation knows what may have been delivered before.
 */
export class QueueHome {
  readonly id: number;
  readonly definition: QueueDefinition;
  readonly #services: QueueServices;
  readonly #windowMessages: number;
  readonly #markAhead: number;
  readonly #lanes: LaneWindow[];
  readonly #delayed: DelayedWindow;
  readonly #consumers: QueueConsumer[] = [];
  /** Cancelled, with deliveries that are not settled. */
  readonly #leaving = new Set<QueueConsumer>();
  readonly pulls: PullDesk;
  #turn = 0;
  #nextSeq: number;
  /** The highest seq whose commit has been heard of. */
  #committedSeq: number;
  readonly #deliveredBelow: number;
  #markAsked: number;
  #markCommitted: number;
  #ready = 0;
  #readyBytes = 0;
  #incoming = 0;
  #incomingBytes = 0;
  #unsettled = 0;
  #delayedMessages = 0;
  /** Delayed messages up to this seq are purged, or about to be: the store may still show them. */
  #delayedPurgedTo = 0;
  /** On the way to another place in the queue. */
  readonly #moving = new Set<Message>();
  /** Dead letters that find no room. They count as ready. */
  readonly #unburied = new Map<Message, DeathReason>();
  #buryTimer: Timer | undefined;
  #waking = false;
  #closed = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #usedAt: number;
  #hadConsumer = false;
  #unusedTimer: Timer | undefined;
  readonly #counts: { -readonly [Name in keyof QueueCounts]: QueueCounts[Name] } = {
    published: 0,
    delivered: 0,
    redelivered: 0,
    acknowledged: 0,
    dead: 0,
    expired: 0,
    dropped: 0,
  };

  constructor(definition: QueueDefinition, state: QueueState, services: QueueServices) {
    this.id = state.id;
    this.definition = definition;
    this.#services = services;
    this.#windowMessages = services.windowMessages;
    this.#markAhead = windowsMarked * services.windowMessages;
    this.#nextSeq = Math.max(state.nextSeq, state.deliveredBelow, 1);
    this.#committedSeq = this.#nextSeq - 1;
    this.#deliveredBelow = state.deliveredBelow;
    this.#markAsked = state.deliveredBelow;
    this.#markCommitted = state.deliveredBelow;
    this.#lanes = Array.from({ length: 10 }, (_, lane) => {
      const stored = state.lanes.find((entry) => entry.lane === lane);
      this.#ready += stored?.messages ?? 0;
      this.#readyBytes += stored?.bytes ?? 0;
      return new LaneWindow(stored ? 0 : this.#committedSeq, this.#committedSeq);
    });
    const delayed = state.lanes.find(({ lane }) => lane === delayedLane);
    this.#delayedMessages = delayed?.messages ?? 0;
    this.#delayed = new DelayedWindow(
      Math.ceil(services.windowMessages * delayedPart),
      this.#delayedMessages > 0,
    );
    this.pulls = new PullDesk(this, services);
    this.#usedAt = services.clock.monotonic();
    this.#watchUse();
    this.#loadWhatIsMissing();
  }

  get name(): string {
    return this.definition.name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get ready(): number {
    return this.#ready;
  }

  get readyBytes(): number {
    return this.#readyBytes;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  get delayed(): number {
    return this.#delayedMessages;
  }

  get consumers(): number {
    return this.#consumers.length;
  }

  get counts(): QueueCounts {
    return { ...this.#counts };
  }

  /** Publication time of the oldest ready message of the most urgent lane; undefined: none is in memory. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const lane of this.#lanes) {
      const at = lane.peek()?.event.publishedAt;
      if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
    }
    return oldest;
  }

  /** All that would be lost with the queue, also what is on its way into it. */
  get messages(): number {
    return this.#ready + this.#delayedMessages + this.#unsettled + this.#incoming;
  }

  /** False: a message of `bytes` would be above the limits, and the queue's policy is to reject it. */
  admits(bytes: number): boolean {
    const { overflow, maxLength, maxBytes } = this.definition;
    if (overflow !== "reject-publish") return true;
    if (maxLength !== undefined && this.#ready + this.#incoming >= maxLength) return false;
    return maxBytes === undefined || this.#readyBytes + this.#incomingBytes + bytes <= maxBytes;
  }

  /** Gives an event its place. It is to be committed, then `entered` or `refused`. */
  accept(event: Event, terms: MessageTerms): Message {
    const message = new Message(this, this.#assignSeq(), event, terms);
    this.#incoming += 1;
    this.#incomingBytes += message.bytes;
    return message;
  }

  /** Its flush is committed. */
  entered(message: Message): void {
    this.#arrived(message);
    this.#counts.published += 1;
  }

  /** It was not stored. */
  refused(message: Message): void {
    this.#incoming -= 1;
    this.#incomingBytes -= message.bytes;
  }

  /** A change of place is committed. */
  moved(message: Message, lane: number, seq: number): void {
    if (!this.#moving.delete(message)) return; // lost with the transient table
    message.lane = lane;
    message.seq = seq;
    this.#arrived(message);
  }

  /** A change of place was not stored: the message is out of this node's hands, in its old place in the store. */
  unmoved(message: Message): void {
    if (this.#moving.delete(message)) this.refused(message);
  }

  marked(seq: number): void {
    this.#markCommitted = Math.max(this.#markCommitted, seq);
    this.wake();
  }

  addConsumer(name: string, prefetch: number, sink: DeliverySink): QueueConsumer {
    const consumer = new QueueConsumer(name, this, prefetch, sink);
    this.#consumers.push(consumer);
    this.#hadConsumer = true;
    this.touch();
    this.wake();
    return consumer;
  }

  cancelled(consumer: QueueConsumer): void {
    const at = this.#consumers.indexOf(consumer);
    if (at < 0) return;
    this.#consumers.splice(at, 1);
    this.#leaving.add(consumer);
    if (at < this.#turn) this.#turn -= 1;
    this.touch();
    this.wake(); // the next one may be the single active consumer now
    if (this.#consumers.length === 0 && this.definition.autoDelete && !this.#closed)
      this.#services.unused(this);
  }

  /** A cancelled consumer has given back what it had. */
  left(consumer: QueueConsumer): void {
    this.#leaving.delete(consumer);
  }

  /** The queue is in use: an expiry counts from now. */
  touch(): void {
    this.#usedAt = this.#services.clock.monotonic();
  }

  settle(message: Message, settlement: Settlement): void {
    this.#unsettled -= 1;
    if (this.#closed) return;
    if (settlement.type === "ack") {
      this.#counts.acknowledged += 1;
      this.#services.commit.open().delete(message);
    } else if (settlement.type === "reject" || !settlement.requeue) {
      this.#bury(message, "rejected");
    } else {
      this.#failed(message, settlement.delayMs);
    }
    this.wake();
  }

  /** Fulfils when what has been settled by now is committed. */
  settled(): Promise<void> {
    return this.#services.commit.soFar();
  }

  /** A consumer or a lease has ended: its messages are ready again, at once and in their old place. */
  giveBack(messages: readonly Message[]): void {
    this.#unsettled -= messages.length;
    if (this.#closed) return;
    const { commit, draining, plantedBug } = this.#services;
    for (const message of messages) {
      // Control of the checker: what was not settled is lost.
      if (plantedBug === "loseUnsettled") {
        commit.open().delete(message);
        continue;
      }
      // Nobody has failed when this node stops: a later incarnation flags it, and does not count it.
      if (draining()) {
        this.#readyAgain(message);
        continue;
      }
      message.attempts += 1;
      if (this.#isSpent(message)) this.#bury(message, "attempts");
      else {
        commit.open().attempted(message);
        this.#readyAgain(message);
      }
    }
    this.wake();
  }

  /** Takes ready messages for a pull. They count as unsettled. */
  take(limit: number): Message[] {
    const taken: Message[] = [];
    if (!this.#services.mayDeliver()) return taken;
    while (taken.length < limit) {
      const message = this.#next();
      if (!message) break;
      taken.push(message);
    }
    return taken;
  }

  /** A message that lies in a lane, as the store has it: whether a consumer could get it now. */
  isReady(row: StoredMessage): boolean {
    if (this.#lanes[row.lane]?.has(row.seq)) return true;
    return this.#unburied.keys().some(({ lane, seq }) => lane === row.lane && seq === row.seq);
  }

  /** Takes a ready message out, wherever it stands; undefined: it is not ready. It is to be deleted, moved or put back. */
  extract(row: StoredMessage): Message | undefined {
    const lane = this.#lanes[row.lane];
    if (!lane) return undefined;
    const message = lane.remove(row.seq) ?? (lane.skip(row.seq) ? this.#fromStore(row) : undefined);
    if (message) this.#left(message);
    return message;
  }

  /** What was extracted is ready again, in its old place. */
  putBack(message: Message): void {
    this.#ready += 1;
    this.#readyBytes += message.bytes;
    this.#laneOf(message).giveBack(message);
    this.wake();
  }

  /** Nobody may take anything while a single active consumer has it. */
  get open(): boolean {
    return !(this.definition.singleActiveConsumer && this.#consumers.length > 0);
  }

  /** Removes what is ready or delayed. Returns how much that was; fulfils after commit. */
  async purge(): Promise<number> {
    const { commit } = this.#services;
    const purged = this.#ready + this.#delayedMessages;
    const stored: SeqRange[] = [];
    commit.cut(); // a message must not be changed and deleted in one statement
    const batch = commit.open();
    for (const [number, lane] of this.#lanes.entries()) {
      if (lane.hasMore)
        stored.push({ queue: this.id, lane: number, from: lane.cursor + 1, to: lane.tail });
      for (const message of lane.clear()) batch.delete(message);
    }
    if (this.#delayedMessages > 0) {
      stored.push({ queue: this.id, lane: delayedLane, from: 1, to: this.#committedSeq });
      this.#delayedPurgedTo = this.#committedSeq;
      this.#delayed.clear();
    }
    for (const message of this.#unburied.keys()) batch.delete(message);
    this.#unburied.clear();
    this.#ready = 0;
    this.#readyBytes = 0;
    this.#delayedMessages = 0;
    this.#counts.dropped += purged;
    commit.cut();
    const pieces = batch.empty ? [] : [batch];
    for (const range of stored) pieces.push(...this.#deleteStored(range));
    for (const piece of pieces) await commit.confirmed(piece);
    return purged;
  }

  /** In pieces that are flushes of their own, all of them on their way when it returns. */
  #deleteStored(range: SeqRange): Batch[] {
    const { commit } = this.#services;
    // Delayed messages may be few and far between: not too many statements for them.
    const seqs = Math.max(purgeSeqs, Math.ceil((range.to - range.from + 1) / 100));
    const pieces: Batch[] = [];
    for (let { from } = range; from <= range.to; from += seqs) {
      const piece = commit.open();
      const to = Math.min(range.to, from + seqs - 1);
      piece.deleteRange({ ...range, from, to }, this.definition.durable);
      pieces.push(piece);
      commit.cut();
    }
    return pieces;
  }

  /** PostgreSQL has emptied the table of transient messages. Returns how many are lost. */
  wiped(): number {
    const lost = this.#ready + this.#delayedMessages + this.#unsettled + this.#moving.size;
    for (const lane of this.#lanes) lane.clear();
    this.#delayed.clear();
    this.#unburied.clear();
    for (const message of this.#moving) this.refused(message);
    this.#moving.clear();
    this.#ready = 0;
    this.#readyBytes = 0;
    this.#delayedMessages = 0;
    this.#unsettled = 0;
    this.#dismiss("the queue's messages were lost in a crash of the database");
    return lost;
  }

  /** The queue has been deleted, or this node is not its home any more. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#buryTimer?.cancel();
    this.#unusedTimer?.cancel();
    this.#dismiss(reason);
  }

  /** Delivers what can be delivered, at the end of this turn. */
  wake(): void {
    if (this.#waking || this.#closed) return;
    this.#waking = true;
    queueMicrotask(this.#wakeUp);
  }

  readonly #wakeUp = (): void => {
    this.#waking = false;
    if (!this.#closed) this.#dispatch();
  };

  #dismiss(reason: string): void {
    const consumers = [...this.#consumers.splice(0), ...this.#leaving];
    this.#leaving.clear();
    this.#turn = 0;
    for (const consumer of consumers) consumer.dismiss(reason);
    this.pulls.dismiss();
  }

  #assignSeq(): number {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    if (seq + this.#markAhead / 2 > this.#markAsked) this.#askForMark(seq);
    return seq;
  }

  #askForMark(seq: number): void {
    this.#markAsked = seq + this.#markAhead;
    this.#services.commit.open().mark(this, this.#markAsked);
  }

  #arrived(message: Message): void {
    this.#incoming -= 1;
    this.#incomingBytes -= message.bytes;
    this.#committedSeq = Math.max(this.#committedSeq, message.seq);
    if (this.#closed) return;
    if (message.lane === delayedLane) {
      this.#delayedMessages += 1;
      this.#delayed.enter(message);
      this.#setTimer();
      return;
    }
    this.#ready += 1;
    this.#readyBytes += message.bytes;
    const lane = this.#laneOf(message);
    lane.enter(message, lane.size < this.#windowMessages && lane.bytes < windowBytes);
    this.#shed();
    this.wake();
  }

  #laneOf(message: Message): LaneWindow {
    const lane = this.#lanes[message.lane];
    if (!lane) throw new RangeError(`no lane ${message.lane}`);
    return lane;
  }

  #readyAgain(message: Message): void {
    message.redelivered = true;
    this.#ready += 1;
    this.#readyBytes += message.bytes;
    this.#laneOf(message).giveBack(message);
  }

  /** Above the limits: the oldest of the least urgent go, or stay when they are to be dead letters and find no room. */
  #shed(): void {
    const { overflow, maxLength = Infinity, maxBytes = Infinity } = this.definition;
    if (overflow === "reject-publish") return;
    while (this.#ready > maxLength || (this.#readyBytes > maxBytes && this.#ready > 0)) {
      const lane = this.#lanes.findLast(({ size, hasMore }) => size > 0 || hasMore);
      const message = lane?.take();
      if (!message) {
        if (lane) this.#load(lane);
        return;
      }
      this.#left(message);
      if (this.#services.bury(message, "maxlen")) continue;
      this.putBack(message);
      return this.#buryLater();
    }
  }

  /** It is not ready any more. */
  #left(message: Message): void {
    this.#ready -= 1;
    this.#readyBytes -= message.bytes;
  }

  /** The next message that may be delivered now. It counts as unsettled and delivered. */
  #next(): Message | undefined {
    for (const lane of this.#lanes) {
      for (let message = lane.peek(); message; message = lane.peek()) {
        if (this.#unburied.size >= unburiedMessages) return undefined;
        if (this.#isExpired(message)) {
          lane.take();
          this.#left(message);
          this.#bury(message, "expired");
          continue;
        }
        const { seq } = message;
        if (seq + this.#markAhead / 2 > this.#markAsked) this.#askForMark(seq);
        if (seq >= this.#markCommitted) return undefined; // `marked` wakes us
        lane.take();
        this.#left(message);
        this.#unsettled += 1;
        this.#counts.delivered += 1;
        if (message.redelivered) this.#counts.redelivered += 1;
        return message;
      }
      if (lane.hasMore) {
        this.#load(lane);
        return undefined; // less urgent ones have to wait for these
      }
    }
    return undefined;
  }

  #isExpired(message: Message): boolean {
    return message.expiresAt !== undefined && message.expiresAt <= this.#services.storeClock.now();
  }

  #dispatch(): void {
    if (this.#services.mayDeliver()) {
      while (this.#ready > 0 && this.pulls.serve());
      while (this.#ready > 0 && this.#deal());
    }
    this.#loadWhatIsMissing();
    this.#setTimer();
  }

  /** Deals messages out in turn to the consumers that have room. False: there was nothing to deal, or nobody to take it. */
  #deal(): boolean {
    const takers = this.#consumers.slice(0, this.definition.singleActiveConsumer ? 1 : undefined);
    let room = 0;
    for (const consumer of takers) room += consumer.makeRoom(dispatchRound);
    let dealt = 0;
    for (; dealt < room; dealt += 1) {
      let consumer = takers[this.#turn % takers.length];
      for (; consumer?.room === 0; consumer = takers[this.#turn % takers.length]) this.#turn += 1;
      const message = consumer && this.#next();
      if (!message) break;
      consumer?.hold(message);
      this.#turn = (this.#turn % takers.length) + 1;
    }
    if (dealt > 0) for (const consumer of takers) consumer.deliver();
    return dealt > 0 && this.#services.mayDeliver();
  }

  #isSpent(message: Message): boolean {
    const { maxAttempts } = this.definition;
    return maxAttempts !== undefined && message.attempts >= maxAttempts;
  }

  #failed(message: Message, delayMs: number | undefined): void {
    message.attempts += 1;
    if (this.#isSpent(message)) return this.#bury(message, "attempts");
    const { retry } = this.definition;
    const wait =
      delayMs ?? (retry ? retryDelayMs(retry, message.attempts, this.#services.random) : 0);
    if (wait > 0) return this.#delay(message, wait);
    this.#services.commit.open().attempted(message);
    this.#readyAgain(message);
  }

  #delay(message: Message, delayMs: number): void {
    message.redelivered = true;
    message.deliverAt = this.#services.storeClock.now() + Math.ceil(delayMs);
    this.#move(message, delayedLane);
  }

  #move(message: Message, newLane: number): void {
    this.#incoming += 1;
    this.#incomingBytes += message.bytes;
    this.#moving.add(message);
    const seq = this.#assignSeq();
    this.#services.commit.open().move(message, newLane, seq);
  }

  /** A message that is neither ready nor unsettled any more becomes a dead letter, or is dropped, or stays as it is. */
  #bury(message: Message, reason: DeathReason): void {
    if (this.#services.bury(message, reason)) return;
    this.#unburied.set(message, reason);
    this.#ready += 1;
    this.#readyBytes += message.bytes;
    this.#buryLater();
  }

  #buryLater(): void {
    this.#buryTimer ??= this.#services.clock.after(buryAgainMs, () => {
      this.#buryTimer = undefined;
      if (this.#closed) return;
      const unburied = [...this.#unburied];
      this.#unburied.clear();
      for (const [message, reason] of unburied) {
        this.#left(message);
        this.#bury(message, reason);
      }
      this.#shed();
      this.wake();
    });
  }

  /** What came of a burial, for the counts. */
  buried(reason: DeathReason, kept: boolean): void {
    if (kept) this.#counts.dead += 1;
    else if (reason === "expired") this.#counts.expired += 1;
    else this.#counts.dropped += 1;
  }

  #loadWhatIsMissing(): void {
    for (const lane of this.#lanes) {
      if (lane.hasMore && lane.size < this.#windowMessages / 2 && lane.bytes < windowBytes / 2)
        this.#load(lane);
    }
    if (this.#delayed.wantsMore) void this.#loadDelayed();
  }

  #load(lane: LaneWindow): void {
    if (lane.loading) return;
    lane.loading = true;
    void this.#loadInto(lane);
  }

  async #loadInto(lane: LaneWindow): Promise<void> {
    const { generation, tail } = lane;
    const limit = Math.max(1, this.#windowMessages - lane.size);
    const rows = await this.#insist(() =>
      this.#services.store.load({
        queue: this.id,
        durable: this.definition.durable,
        lane: this.#lanes.indexOf(lane),
        after: lane.cursor,
        limit,
        maxBytes: Math.max(1, windowBytes - lane.bytes),
      }),
    );
    lane.loading = false;
    if (!rows) return;
    if (lane.generation === generation) {
      // A message whose commit has not been heard of enters by that. What was committed before it is all here.
      const known = rows.filter(({ seq }) => seq <= lane.tail);
      const upTo = rows.length > known.length ? lane.tail : rows.length === 0 ? tail : undefined;
      lane.loaded(
        known.map((row) => this.#fromStore(row)),
        upTo,
      );
      if (known.length === 0 && !lane.hasMore) this.#recount();
    }
    this.#shed();
    this.wake();
  }

  async #loadDelayed(): Promise<void> {
    const delayed = this.#delayed;
    if (delayed.loading) return;
    delayed.loadBegins();
    const { generation, horizon } = delayed;
    const limit = Math.max(1, delayed.room);
    const rows = await this.#insist(() =>
      this.#services.store.loadDelayed({
        queue: this.id,
        durable: this.definition.durable,
        after: horizon && horizon.deliverAt > 0 ? horizon : undefined,
        limit,
      }),
    );
    delayed.loading = false;
    if (!rows) return;
    if (delayed.generation === generation) {
      const known = rows.filter(
        ({ seq }) => seq <= this.#committedSeq && seq > this.#delayedPurgedTo,
      );
      const last = rows.at(-1);
      delayed.loaded(
        known.map((row) => this.#fromStore(row)),
        rows.length < limit || last === undefined ? undefined : delayedPlaceOf(last),
      );
    }
    this.#setTimer();
    this.wake();
  }

  /** Everything that is ready is in memory: what was counted beside it has been lost with the transient table. */
  #recount(): void {
    if (this.#lanes.some((lane) => lane.hasMore)) return;
    this.#ready = this.#unburied.size;
    this.#readyBytes = 0;
    for (const { bytes } of this.#unburied.keys()) this.#readyBytes += bytes;
    for (const lane of this.#lanes) {
      this.#ready += lane.size;
      for (const { bytes } of lane.messages()) this.#readyBytes += bytes;
    }
  }

  /** undefined: the queue was closed meanwhile. */
  async #insist<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    for (let attempt = 1; !this.#closed; attempt += 1) {
      try {
        const result = await read();
        return this.#closed ? undefined : result;
      } catch (error) {
        if (attempt === 1)
          this.#services.log.warn(
            { queue: this.name, err: error },
            "could not read a queue; trying again",
          );
        await backOff(attempt, this.#services);
      }
    }
    return undefined;
  }

  #fromStore(row: StoredMessage): Message {
    const message = new Message(this, row.seq, row.event, row);
    message.redelivered =
      row.attempts > 0 || (row.lane !== delayedLane && row.seq < this.#deliveredBelow);
    return message;
  }

  /** One timer for what is due next: a delayed message, or the end of a head's life. */
  #setTimer(): void {
    let at = this.#delayed.nextAt ?? Number.POSITIVE_INFINITY;
    if (this.#unburied.size < unburiedMessages)
      for (const lane of this.#lanes) at = Math.min(at, lane.peek()?.expiresAt ?? at);
    if (at >= this.#timerAt || this.#closed) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const inMs = Math.min(timerBoundMs, Math.max(1, at - this.#services.storeClock.now()));
    this.#timer = this.#services.clock.after(inMs, this.#timeIsUp);
  }

  readonly #timeIsUp = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (!this.#closed) this.#onTimer();
  };

  #onTimer(): void {
    const { storeClock, commit, clock } = this.#services;
    if (commit.crowded) {
      this.#timerAt = storeClock.now() + crowdedMs;
      this.#timer = clock.after(crowdedMs, this.#timeIsUp);
      return;
    }
    const now = storeClock.now();
    for (let moved = 0; moved < dueRound; moved += 1) {
      const message = this.#delayed.takeDue(now);
      if (!message) break;
      this.#delayedMessages -= 1;
      message.deliverAt = undefined;
      this.#move(message, laneOf(message.priority));
    }
    for (const lane of this.#lanes) {
      for (let head = lane.peek(); head && this.#isExpired(head); head = lane.peek()) {
        if (this.#unburied.size >= unburiedMessages) break;
        lane.take();
        this.#left(head);
        this.#bury(head, "expired");
      }
    }
    this.#loadWhatIsMissing();
    this.#setTimer();
  }

  /** Whether an auto-delete or expiring queue may go. */
  get unused(): boolean {
    if (this.#consumers.length > 0 || this.#closed) return false;
    if (this.definition.autoDelete && this.#hadConsumer) return true;
    return !this.pulls.busy && this.#lifeLeftMs <= 0;
  }

  get #lifeLeftMs(): number {
    const { expiresMs = Infinity } = this.definition;
    return this.#usedAt + expiresMs - this.#services.clock.monotonic();
  }

  #watchUse(): void {
    if (this.definition.expiresMs === undefined) return;
    const look = (): void => {
      if (this.#closed) return;
      if (this.#consumers.length > 0 || this.pulls.busy) this.touch();
      if (this.#lifeLeftMs <= 0) this.#services.unused(this);
      const inMs = this.#lifeLeftMs > 0 ? this.#lifeLeftMs : unusedAgainMs;
      this.#unusedTimer = this.#services.clock.after(Math.min(inMs, timerBoundMs), look);
    };
    look();
  }
}
