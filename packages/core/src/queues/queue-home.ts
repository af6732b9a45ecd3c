import {
  delayedLane,
  type Event,
  type QueueState,
  type StoredMessage,
} from "../ports/queue-store.ts";
import type { QueueDefinition } from "../ports/topology-store.ts";
import type { DeliverySink, QueueCounts, Settlement } from "./broker-operations.ts";
import { Burials } from "./burials.ts";
import { Dealer } from "./dealer.ts";
import type { DeathReason } from "./death-record.ts";
import { DelayedMessages } from "./delayed-messages.ts";
import { DueTimer } from "./due-timer.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { Message, type MessageTerms } from "./message.ts";
import { Moves } from "./moves.ts";
import { PullDesk } from "./pull-desk.ts";
import { QueueConsumer } from "./queue-consumer.ts";
import { QueueDepth } from "./queue-depth.ts";
import { deletePurged } from "./queue-purge.ts";
import type { QueueServices } from "./queue-services.ts";
import { ReadyLanes } from "./ready-lanes.ts";
import { SeqSource } from "./seq-source.ts";
import { StoreReader } from "./store-reader.ts";
import { UseWatch } from "./use-watch.ts";

/**
 * One queue on its home node: gives seqs, keeps the window, delivers, enforces the queue's limits.
 *
 * A message is *incoming* (assigned, its flush not committed), then *ready* (in a lane's window, or in the store alone)
 * or *delayed*; *unsettled* with a consumer; and gone when it is acknowledged, buried or dropped. What is given back is
 * ready again in its old place. Only committed messages are delivered, and only those below a mark that is committed too,
 * so that a later incarnation knows what may have been delivered before.
 *
 * The home leads each message from one of these to the next, and answers for the queue to everyone else. Where the
 * message is meanwhile has a class of its own: `ReadyLanes`, `DelayedMessages`, `QueueConsumer` or `PullDesk`, `Burials`.
 */
export class QueueHome {
  readonly id: number;
  readonly definition: QueueDefinition;
  readonly pulls: PullDesk;
  readonly #services: QueueServices;
  readonly #depth = new QueueDepth();
  readonly #seqs: SeqSource;
  readonly #lanes: ReadyLanes;
  readonly #delayed: DelayedMessages;
  readonly #burials: Burials;
  readonly #moves: Moves;
  readonly #failures: FailedAttempts;
  readonly #dealer = new Dealer(this);
  readonly #dueTimer: DueTimer;
  readonly #use: UseWatch;
  #waking = false;
  #closed = false;

  constructor(definition: QueueDefinition, state: QueueState, services: QueueServices) {
    this.id = state.id;
    this.definition = definition;
    this.#services = services;
    const depth = this.#depth;
    const seqs = new SeqSource(this, state, services);
    const lastSeq = seqs.committed;
    const reader = new StoreReader(this, state.deliveredBelow, services);
    const burials = new Burials(this, depth, services);
    const lanes = new ReadyLanes(this, { state, lastSeq, depth, burials, reader, services });
    const delayed = new DelayedMessages(this, { state, seqs, reader, services });
    const moves = new Moves(depth, seqs, services);
    this.#seqs = seqs;
    this.#burials = burials;
    this.#lanes = lanes;
    this.#delayed = delayed;
    this.#moves = moves;
    this.#failures = new FailedAttempts({ definition, lanes, burials, moves, services });
    this.#dueTimer = new DueTimer({ lanes, delayed, moves, services });
    this.pulls = new PullDesk(this, services);
    this.#use = new UseWatch(this, services);
    this.#loadWhatIsMissing();
  }

  get name(): string {
    return this.definition.name;
  }

  /** Above every seq so far. */
  get nextSeq(): number {
    return this.#seqs.next;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get ready(): number {
    return this.#depth.ready;
  }

  get readyBytes(): number {
    return this.#depth.readyBytes;
  }

  get unsettled(): number {
    return this.#depth.unsettled;
  }

  get delayed(): number {
    return this.#delayed.size;
  }

  get consumers(): number {
    return this.#dealer.consumers;
  }

  get counts(): QueueCounts {
    return { ...this.#depth.counts };
  }

  /** Publication time of the oldest ready message of the most urgent lane; undefined: none is in memory. */
  get oldestAt(): number | undefined {
    return this.#lanes.oldestAt;
  }

  /** All that would be lost with the queue, also what is on its way into it. */
  get messages(): number {
    const { ready, unsettled, incoming } = this.#depth;
    return ready + this.#delayed.size + unsettled + incoming;
  }

  /** Nobody may take anything while a single active consumer has it. */
  get open(): boolean {
    return !(this.definition.singleActiveConsumer && this.consumers > 0);
  }

  /** Whether an auto-delete or expiring queue may go. */
  get unused(): boolean {
    return this.#use.unused;
  }

  /** False: a message of `bytes` would be above the limits, and the queue's policy is to reject it. */
  admits(bytes: number): boolean {
    const { definition } = this;
    return definition.overflow !== "reject-publish" || this.#depth.hasRoom(bytes, definition);
  }

  /** Gives an event its place. It is to be committed, then `entered` or `refused`. */
  accept(event: Event, terms: MessageTerms): Message {
    const { ready, incoming } = this.#depth;
    const isSoon = ready + incoming < this.#services.windowMessages;
    const message = new Message(this, this.#seqs.assign(isSoon), event, terms);
    this.#depth.addIncoming(message);
    return message;
  }

  /** Its flush is committed. */
  entered(message: Message): void {
    this.#arrived(message);
    this.#depth.counts.published += 1;
  }

  /** It was not stored. */
  refused(message: Message): void {
    this.#depth.removeIncoming(message);
  }

  /** A change of place is committed. */
  moved(message: Message, lane: number, seq: number): void {
    if (!this.#moves.end(message)) return;
    message.lane = lane;
    message.seq = seq;
    this.#arrived(message);
  }

  /** A change of place was not stored: the message is out of this node's hands, in its old place in the store. */
  unmoved(message: Message): void {
    if (this.#moves.end(message)) this.refused(message);
  }

  marked(seq: number): void {
    this.#seqs.marked(seq);
    this.wake();
  }

  addConsumer(name: string, prefetch: number, sink: DeliverySink): QueueConsumer {
    const consumer = new QueueConsumer(name, this, prefetch, sink);
    this.#dealer.add(consumer);
    this.#use.consumerAdded();
    this.wake();
    return consumer;
  }

  cancelled(consumer: QueueConsumer): void {
    if (!this.#dealer.cancelled(consumer)) return;
    this.wake(); // the next one may be the single active consumer now
    this.#use.consumerCancelled();
  }

  /** A cancelled consumer has given back what it had. */
  left(consumer: QueueConsumer): void {
    this.#dealer.left(consumer);
  }

  /** The queue is in use: an expiry counts from now. */
  touch(): void {
    this.#use.touch();
  }

  settle(message: Message, settlement: Settlement): void {
    this.#depth.unsettled -= 1;
    if (this.#closed) return;
    if (settlement.type === "ack") {
      this.#depth.counts.acknowledged += 1;
      this.#services.commit.open().delete(message);
    } else if (settlement.type === "reject" || !settlement.requeue) {
      this.#burials.bury(message, "rejected");
    } else {
      this.#failures.failed(message, settlement.delayMs);
    }
    this.wake();
  }

  /** Fulfils when what has been settled by now is committed. */
  settled(): Promise<void> {
    return this.#services.commit.soFar();
  }

  /** A consumer or a lease has ended: its messages are ready again, at once and in their old place. */
  giveBack(messages: readonly Message[]): void {
    this.#depth.unsettled -= messages.length;
    if (this.#closed) return;
    for (const message of messages) this.#failures.abandoned(message);
    this.wake();
  }

  /** Takes ready messages for a pull. They count as unsettled. */
  take(limit: number): Message[] {
    const taken: Message[] = [];
    if (!this.#services.mayDeliver()) return taken;
    while (taken.length < limit) {
      const message = this.next();
      if (!message) break;
      taken.push(message);
    }
    return taken;
  }

  /** The next message that may be delivered now. It counts as unsettled and delivered. */
  next(): Message | undefined {
    for (const lane of this.#lanes.windows) {
      for (let message = lane.peek(); message; message = lane.peek()) {
        if (this.#burials.full) return undefined;
        if (this.#lanes.buryIfExpired(lane, message)) continue;
        if (!this.#seqs.mayDeliver(message.seq)) return undefined; // `marked` wakes us
        this.#lanes.take(lane);
        this.#depth.unsettled += 1;
        this.#depth.counts.delivered += 1;
        if (message.redelivered) this.#depth.counts.redelivered += 1;
        return message;
      }
      if (lane.hasMore) {
        this.#lanes.load(lane);
        return undefined; // less urgent ones have to wait for these
      }
    }
    return undefined;
  }

  /** A message that lies in a lane, as the store has it: whether a consumer could get it now. */
  isReady(row: StoredMessage): boolean {
    return this.#lanes.has(row) || this.#burials.has(row);
  }

  /** Takes a ready message out, wherever it stands; undefined: it is not ready. It is to be deleted, moved or put back. */
  extract(row: StoredMessage): Message | undefined {
    return this.#lanes.extract(row);
  }

  /** What was extracted is ready again, in its old place. */
  putBack(message: Message): void {
    this.#lanes.giveBack(message);
    this.wake();
  }

  /** Above the limits: the oldest of the least urgent go, or stay when they are to be dead letters and find no room. */
  shed(): void {
    if (this.definition.overflow === "reject-publish") return;
    while (this.#depth.isAbove(this.definition)) {
      const message = this.#lanes.takeLeastUrgent();
      if (!message) return;
      if (this.#services.bury(message, "maxlen")) continue;
      this.putBack(message);
      return this.#burials.tryLater();
    }
  }

  /** What came of a burial, for the counts. */
  buried(reason: DeathReason, kept: boolean): void {
    const { counts } = this.#depth;
    if (kept) counts.dead += 1;
    else if (reason === "expired") counts.expired += 1;
    else counts.dropped += 1;
  }

  /** Removes what is ready or delayed. Returns how much that was; fulfils after commit. */
  async purge(): Promise<number> {
    const purged = this.#depth.ready + this.#delayed.size;
    const stored = [...this.#lanes.stored(), ...this.#delayed.purge()];
    const inMemory = [...this.#lanes.clear(), ...this.#burials.clear()];
    this.#depth.recountReady();
    this.#depth.counts.dropped += purged;
    const { durable } = this.definition;
    await deletePurged(this.#services.commit, { inMemory, stored, durable });
    return purged;
  }

  /** PostgreSQL has emptied the table of transient messages. Returns how many are lost. */
  wiped(): number {
    const { ready, unsettled } = this.#depth;
    const lost = ready + this.#delayed.size + unsettled + this.#moves.size;
    this.#lanes.clear();
    this.#delayed.clear();
    this.#burials.clear();
    this.#moves.clear();
    this.#depth.recountReady();
    this.#depth.unsettled = 0;
    this.#dismiss("the queue's messages were lost in a crash of the database");
    return lost;
  }

  /** The queue has been deleted, or this node is not its home any more. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dueTimer.stop();
    this.#burials.stop();
    this.#use.stop();
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

  #dispatch(): void {
    const { mayDeliver } = this.#services;
    if (mayDeliver()) {
      while (this.#depth.ready > 0 && this.pulls.serve());
      while (this.#depth.ready > 0 && this.#dealer.deal() && mayDeliver());
    }
    this.#loadWhatIsMissing();
    this.#dueTimer.set();
  }

  #dismiss(reason: string): void {
    this.#dealer.dismiss(reason);
    this.pulls.dismiss();
  }

  #arrived(message: Message): void {
    this.#depth.removeIncoming(message);
    this.#seqs.arrived(message.seq);
    if (this.#closed) return;
    if (message.lane === delayedLane) {
      this.#delayed.enter(message);
      this.#dueTimer.set();
      return;
    }
    this.#lanes.enter(message);
    this.shed();
    this.wake();
  }

  #loadWhatIsMissing(): void {
    this.#lanes.loadWhatIsMissing();
    this.#delayed.loadWhatIsMissing();
  }
}
