import type { Timer } from "../ports/clock.ts";
import type { DelayedMessages } from "./delayed-messages.ts";
import { laneOf } from "./message.ts";
import type { Moves } from "./moves.ts";
import type { QueueServices } from "./queue-services.ts";
import type { ReadyLanes } from "./ready-lanes.ts";

/** Delayed messages that become ready in one go. */
const dueRound = 1_000;
/** With flushes behind, what is due waits so long. */
const crowdedMs = 20;
/** Longest wait of a timer. */
const timerBoundMs = 2 ** 30;

interface DueTimerOptions {
  readonly lanes: ReadyLanes;
  readonly delayed: DelayedMessages;
  readonly moves: Moves;
  readonly services: QueueServices;
}

/** One timer for what is due next in a queue: a delayed message becomes ready, or the life of a lane's next one ends. */
export class DueTimer {
  readonly #lanes: ReadyLanes;
  readonly #delayed: DelayedMessages;
  readonly #moves: Moves;
  readonly #services: QueueServices;
  #timer: Timer | undefined;
  /** Unix milliseconds of the store. */
  #at = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor({ lanes, delayed, moves, services }: DueTimerOptions) {
    this.#lanes = lanes;
    this.#delayed = delayed;
    this.#moves = moves;
    this.#services = services;
  }

  /** Something may be due earlier than it was. */
  set(): void {
    const at = Math.min(this.#delayed.nextAt ?? Infinity, this.#lanes.nextExpiryAt);
    if (at >= this.#at || this.#stopped) return;
    this.#timer?.cancel();
    this.#at = at;
    const { clock, storeClock } = this.#services;
    const inMs = Math.min(timerBoundMs, Math.max(1, at - storeClock.now()));
    this.#timer = clock.after(inMs, this.#timeIsUp);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  readonly #timeIsUp = (): void => {
    const { clock, commit, storeClock } = this.#services;
    if (commit.crowded) {
      this.#at = storeClock.now() + crowdedMs;
      this.#timer = clock.after(crowdedMs, this.#timeIsUp);
      return;
    }
    this.#at = Number.POSITIVE_INFINITY;
    this.#moveDue(storeClock.now());
    this.#lanes.buryExpired();
    this.#lanes.loadWhatIsMissing();
    this.#delayed.loadWhatIsMissing();
    this.set();
  };

  #moveDue(now: number): void {
    for (let moved = 0; moved < dueRound; moved += 1) {
      const message = this.#delayed.takeDue(now);
      if (!message) break;
      message.deliverAt = undefined;
      this.#moves.begin(message, laneOf(message.priority));
    }
  }
}
