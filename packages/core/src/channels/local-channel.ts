import type { Push } from "@switchyard/protocol";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { ChannelName } from "../ids.ts";
import type { HistoryPage, PresenceChange } from "../ports/bus.ts";
import { Audiences } from "./audience.ts";
import type { ChannelContext } from "./channel-context.ts";
import type { ChannelMember } from "./channel-member.ts";
import { MemberSet } from "./member-set.ts";
import type { NamespaceOptions } from "./namespace.ts";
import type { Publication, StreamPosition } from "./publication.ts";
import {
  recoverLatest,
  type RecoveryInput,
  type RecoveryResult,
  recoverStream,
} from "./recovery.ts";

interface Received {
  readonly publication: Publication;
  readonly epoch: string;
}

export type PublicationPush = Extract<Push, { readonly type: "publication" }>;

/** A page of history on its way: collects the live publications that it may lack. */
interface PendingPage {
  readonly buffered: Publication[];
  /** Beyond it they show a gap, by which the recovery fails. */
  readonly maxBuffered: number;
}

/** Where a joining member starts, and what it missed. */
export interface JoinResult {
  /** undefined on a channel without a stream. */
  readonly position: StreamPosition | undefined;
  readonly recovery: RecoveryResult | undefined;
}

/** A join that only needs `enter`, which is synchronous so that nothing can come between reply and first push. */
export interface PreparedJoin {
  /**
   * Makes `member` part of the channel. Call `result` first. It follows the live topic from here on when it has all up
   * to the position; when it has less (`reached`), not before `LocalChannel.serve` has brought the rest.
   */
  enter(member: ChannelMember, reached: number | undefined): void;
  /**
   * Valid until the end of the turn. A recovery gives `maxBytes` at most (default: the context's). Throws
   * `busUnavailable` when the channel's position has become unknown.
   */
  result(maxBytes?: number): JoinResult;
  /** Instead of `enter`. */
  abandon(): void;
}

/** While a channel opens or repairs itself, live publications wait here; more than this and history is read again. */
const maxHeld = 4096;
/** What an open channel keeps instead of the promise that opened it. */
const alreadyOpen = Promise.resolve();

/**
 * A channel on this node: who listens, and the position up to which they have been served.
 *
 * closed → (first join) opening → open → (last leave) closing → closed. While opening, the bus is subscribed and the
 * stream's position read; publications that arrive meanwhile are held. While open, each publication must follow the
 * position: a lower one is dropped, a hole is repaired from history before anything later is delivered, and what
 * cannot be repaired costs every positioned member its position (protocol 8.7).
 *
 * A member that has missed more than it can be given at once is behind: it counts as the others do, but gets what it
 * misses from history, piece by piece, until it is level with the position and follows the live topic too.
 */
export class LocalChannel {
  readonly name: ChannelName;
  readonly options: NamespaceOptions;
  readonly #context: ChannelContext;
  readonly #members = new MemberSet();
  readonly #publications: Audiences;
  #joinLeaves: Audiences | undefined;
  /** Members and joins on their way. */
  #references = 0;
  #opened: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #repairing: Promise<void> | undefined;
  #held: Received[] | undefined;
  #pendingPages: Set<PendingPage> | undefined;
  /** Members that do not follow the live topic yet, and what they have. */
  #behind: Map<ChannelMember, StreamPosition> | undefined;
  #positioned = 0;
  #epoch = "";
  #offset = 0;
  /** Monotonic ms when the position was last confirmed. */
  #confirmedAt = 0;

  constructor(name: ChannelName, options: NamespaceOptions, context: ChannelContext) {
    this.name = name;
    this.options = options;
    this.#context = context;
    this.#publications = new Audiences(":", name);
  }

  get size(): number {
    return this.#members.size;
  }

  /**
   * Reserves a place. `since`: what a returning client has; undefined: it wants no recovery.
   * Rejects when the bus does; then nothing is reserved.
   */
  async prepareJoin(since: StreamPosition | undefined): Promise<PreparedJoin> {
    this.#references += 1;
    const pending = { buffered: [], maxBuffered: this.#context.maxRecoveredPublications };
    try {
      await this.#open();
      const page = since && (await this.#readMissed(since, pending));
      return this.#preparedJoin(pending, since, page);
    } catch (error) {
      this.#pendingPages?.delete(pending);
      this.#release();
      throw error;
    }
  }

  /** What a member that is behind has; undefined: it follows the live topic, or is no member. */
  behind(member: ChannelMember): StreamPosition | undefined {
    return this.#behind?.get(member);
  }

  /**
   * Reads up to `limit` publications that a member misses which is behind, and hands them to `take` in order, all in
   * one turn, until it answers false: that one was not taken. With the last one that is missing, the member follows the
   * live topic. When they cannot be had any more (trimmed, another stream) it loses its position. Does nothing for a
   * member that is not behind. Rejects when the bus does.
   */
  async serve(
    member: ChannelMember,
    limit: number,
    take: (push: PublicationPush) => boolean,
  ): Promise<void> {
    const since = this.#behind?.get(member);
    if (!since) return;
    const pending = { buffered: [], maxBuffered: maxHeld };
    (this.#pendingPages ??= new Set()).add(pending);
    let page: HistoryPage;
    try {
      page = await this.#context.bus.history(this.name, this.#query(since, limit));
    } finally {
      this.#pendingPages.delete(pending);
    }
    // It may have left meanwhile.
    if (this.#behind?.get(member) !== since) return;
    // Of what was granted when it joined, only history is the bound.
    const unbounded = { maxPublications: Infinity, maxBytes: Infinity };
    const recovery = this.#recover(pending, since, page, unbounded);
    if (recovery.kind === "failed") return member.losePosition();
    let { offset } = since;
    for (const publication of recovery.publications) {
      if (!take(this.#pushOf(publication, this.#epoch))) break;
      offset = publication.offset;
    }
    // Taking may have ended it.
    if (this.#behind?.get(member) !== since) return;
    this.#behind.delete(member);
    this.#follow(member, offset);
  }

  leave(member: ChannelMember): void {
    if (!this.#members.delete(member)) return;
    if (!this.#behind?.delete(member)) this.#publications.remove(member);
    if (member.pushesJoinLeave) this.#joinLeaves?.remove(member);
    if (member.positioned) this.#positioned -= 1;
    this.#release();
  }

  /** A live publication from the bus. */
  receive(publication: Publication, epoch: string): void {
    if (this.#held) {
      this.#held.push({ publication, epoch });
      if (this.#held.length > maxHeld) this.#held.shift();
      return;
    }
    if (publication.offset === 0) return this.#deliver(publication, "");
    if (epoch !== this.#epoch) {
      if (this.#epoch !== "") return void this.#repair({ publication, epoch });
      this.#epoch = epoch;
      this.#offset = publication.offset - 1;
    }
    if (publication.offset <= this.#offset) return;
    if (publication.offset > this.#offset + 1) return void this.#repair({ publication, epoch });
    this.#offset = publication.offset;
    this.#confirmedAt = this.#context.clock.monotonic();
    this.#deliver(publication, epoch);
  }

  receivePresence(change: PresenceChange): void {
    this.#joinLeaves?.publish(
      { type: change.type, channel: this.name, info: change.info },
      () => {},
      () => {},
    );
  }

  /** Whether somebody relies on the position and nothing has confirmed it for `idleMs`. Cheap: asked of every channel. */
  isPositionDue(idleMs: number): boolean {
    return (
      this.#positioned > 0 &&
      this.#held === undefined &&
      this.options.retention !== undefined &&
      this.#context.clock.monotonic() - this.#confirmedAt >= idleMs
    );
  }

  /** Compares the position with the bus when it is due (protocol 8.8). */
  async checkPosition(idleMs: number): Promise<void> {
    if (!this.isPositionDue(idleMs)) return;
    this.#confirmedAt = this.#context.clock.monotonic();
    const before = this.#offset;
    const { top } = await this.#context.bus.history(this.name, this.#query(undefined, 0));
    // Publications may have come live since the question was put: the top may lie between then and now.
    const holds = top.epoch === this.#epoch && top.offset >= before && top.offset <= this.#offset;
    if (!holds && this.#held === undefined) await this.#repair();
  }

  /** There is a stream, and where it stands is not known; no member is positioned then. */
  get #isLost(): boolean {
    return this.options.retention !== undefined && this.#epoch === "";
  }

  async #open(): Promise<void> {
    if (this.#closing) await this.#closing;
    this.#opened ??= this.#start();
    await this.#opened;
    // A repair that failed has left the position unknown, and no publication has told it since.
    if (this.#isLost) await this.#repair();
    if (this.#isLost) throw new SwitchyardError("busUnavailable");
  }

  async #start(): Promise<void> {
    this.#held = [];
    try {
      await this.#context.bus.subscribe(this.name);
      if (this.options.retention) {
        const { top } = await this.#context.bus.history(this.name, this.#query(undefined, 0));
        this.#epoch = top.epoch;
        this.#offset = top.offset;
        this.#confirmedAt = this.#context.clock.monotonic();
      }
      this.#opened = alreadyOpen;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    } finally {
      this.#releaseHeld();
    }
  }

  #releaseHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    // A hole among these starts a repair, which holds the rest again.
    for (const { publication, epoch } of held ?? []) this.receive(publication, epoch);
  }

  #release(): void {
    this.#references -= 1;
    if (this.#references === 0 && !this.#closing) this.#closing = this.#close();
  }

  async #close(): Promise<void> {
    try {
      await this.#opened?.catch(() => {});
      await this.#context.bus.unsubscribe(this.name);
    } catch (error) {
      this.#context.log.warn(
        { channel: this.name, err: error },
        "could not unsubscribe from the bus",
      );
    }
    // A repair sets the position, which must not come after it has been forgotten. One may begin until the bus is
    // unsubscribed, and one more with what the last one held.
    while (this.#repairing) await this.#repairing;
    this.#opened = undefined;
    this.#closing = undefined;
    this.#epoch = "";
    this.#offset = 0;
    if (this.#references === 0) this.#context.onEmpty(this);
  }

  /** Reads what came after `since`, with this node's position at or past it. */
  async #readMissed(since: StreamPosition, pending: PendingPage): Promise<HistoryPage | undefined> {
    if (!this.options.retention) return undefined;
    (this.#pendingPages ??= new Set()).add(pending);
    const { bus, maxRecoveredPublications } = this.#context;
    const latestOnly = this.options.recoveryMode === "cache";
    const query = latestOnly
      ? { ...this.#query(undefined, 1), reverse: true }
      : this.#query({ offset: since.offset }, maxRecoveredPublications + 1);
    const page = await bus.history(this.name, query);
    const behind = page.top.offset > this.#offset && (latestOnly || since.offset > this.#offset);
    if (page.top.epoch !== this.#epoch || behind) await this.#repair();
    return page;
  }

  #preparedJoin(
    pending: PendingPage,
    since: StreamPosition | undefined,
    page: HistoryPage | undefined,
  ): PreparedJoin {
    return {
      result: (maxBytes = this.#context.maxRecoveredBytes) => {
        // The bus has gone since: a position that is not known must not be promised.
        if (this.#isLost) throw new SwitchyardError("busUnavailable");
        const bounds = { maxPublications: this.#context.maxRecoveredPublications, maxBytes };
        return {
          position: this.options.retention && { epoch: this.#epoch, offset: this.#offset },
          recovery: since && this.#recover(pending, since, page, bounds),
        };
      },
      enter: (member, reached = this.#offset) => {
        this.#pendingPages?.delete(pending);
        this.#enter(member, reached);
      },
      abandon: () => {
        this.#pendingPages?.delete(pending);
        this.#release();
      },
    };
  }

  #recover(
    pending: PendingPage,
    since: StreamPosition,
    page: HistoryPage | undefined,
    bounds: Pick<RecoveryInput, "maxPublications" | "maxBytes">,
  ): RecoveryResult {
    if (!page) return { kind: "failed" };
    const recover = this.options.recoveryMode === "cache" ? recoverLatest : recoverStream;
    return recover({
      since,
      page,
      buffered: pending.buffered,
      position: { epoch: this.#epoch, offset: this.#offset },
      maxPublicationBytes: this.#context.maxPublicationBytes,
      ...bounds,
    });
  }

  #enter(member: ChannelMember, reached: number): void {
    this.#members.add(member);
    this.#follow(member, reached);
    if (member.pushesJoinLeave) (this.#joinLeaves ??= new Audiences("~", this.name)).add(member);
    if (member.positioned) this.#positioned += 1;
  }

  /** Adds a member to the live topic when it has all up to the position, and to those that are behind otherwise. */
  #follow(member: ChannelMember, reached: number): void {
    if (reached === this.#offset) return this.#publications.add(member);
    (this.#behind ??= new Map()).set(member, { epoch: this.#epoch, offset: reached });
  }

  #deliver(publication: Publication, epoch: string): void {
    if (this.#pendingPages && publication.offset !== 0) {
      for (const { buffered, maxBuffered } of this.#pendingPages)
        if (buffered.length <= maxBuffered) buffered.push(publication);
    }
    if (this.#members.size === 0) return;
    const { clock, observer } = this.#context;
    const latencyMs = clock.now() - publication.publishedAt;
    this.#publications.publish(
      this.#pushOf(publication, epoch),
      (fanOut, size, frame) => observer.delivered(fanOut.transport, size, frame.length, latencyMs),
      (codec) => {
        for (const member of this.#members.values())
          if (member.codec === codec) member.refusePayload();
      },
    );
  }

  #pushOf(publication: Publication, epoch: string): PublicationPush {
    return {
      type: "publication",
      channel: this.name,
      publication,
      epoch: publication.offset === 1 ? epoch : "",
      timeMs: this.#context.sendTime ? Math.trunc(publication.publishedAt) : 0,
    };
  }

  /**
   * Fills the hole between the position and the stream's top from history, or gives up every positioned member's
   * position. `cause`: the publication that showed the hole; it is delivered after what was missing.
   */
  #repair(cause?: Received): Promise<void> {
    if (cause) (this.#held ??= []).push(cause);
    this.#held ??= [];
    this.#repairing ??= this.#fillHole().finally(() => {
      this.#repairing = undefined;
      this.#releaseHeld();
    });
    return this.#repairing;
  }

  async #fillHole(): Promise<void> {
    const { bus, observer, log } = this.#context;
    const from = { epoch: this.#epoch, offset: this.#offset };
    const before = this.#held ?? [];
    this.#held = [];
    let page: HistoryPage;
    try {
      // Of an unknown position nothing can be missing: only the top is asked for.
      const limit = from.epoch === "" ? 0 : "all";
      page = await bus.history(this.name, this.#query({ offset: from.offset }, limit));
    } catch (error) {
      // Without the bus nothing can be said about the hole. Members start again. Until the next publication, or until
      // the next join has asked for it, the position is unknown.
      log.warn(
        { channel: this.name, ...from, err: error },
        "could not read history to repair a channel",
      );
      if (from.epoch !== "") observer.repaired("lost");
      this.#held = [...before, ...this.#held];
      this.#epoch = "";
      this.#losePositions();
      return;
    }
    const { top, publications } = page;
    // History includes what was delivered before it was read. What it lacks belongs to a stream that is gone.
    const gone = before.some(
      ({ publication, epoch }) => epoch === top.epoch && publication.offset > top.offset,
    );
    this.#held = [...before.filter(({ publication }) => publication.offset === 0), ...this.#held];
    const whole =
      !gone &&
      top.epoch === from.epoch &&
      top.offset >= from.offset &&
      publications.length === top.offset - from.offset &&
      (publications.length === 0 || publications[0]?.offset === from.offset + 1);
    this.#epoch = top.epoch;
    this.#offset = top.offset;
    this.#confirmedAt = this.#context.clock.monotonic();
    if (from.epoch === "") return;
    observer.repaired(whole ? "repaired" : "lost");
    log.warn(
      { channel: this.name, from, top, whole },
      "repaired a channel after lost publications",
    );
    if (!whole) {
      this.#losePositions();
      // Whoever has no position to lose still gets what came live.
      for (const { publication, epoch } of before) {
        const { offset } = publication;
        if (epoch === top.epoch && offset !== 0 && offset <= top.offset)
          this.#deliver(publication, epoch);
      }
      return;
    }
    for (const publication of publications) this.#deliver(publication, top.epoch);
  }

  #losePositions(): void {
    for (const member of this.#members.values()) if (member.positioned) member.losePosition();
  }

  #query(since: { offset: number } | undefined, limit: number | "all") {
    const { retention } = this.options;
    if (!retention) throw new Error(`channel ${this.name} keeps no stream`);
    return { since, limit, reverse: false, retention };
  }
}
