import type { Clock } from "../ports/clock.ts";
import type { Link } from "../ports/fan-out.ts";

/** How often a link is asked again that does not tell that it has drained. */
const askAgainMs = 100;

interface RecoveryTurnsOptions {
  readonly link: Link;
  readonly clock: Clock;
  /** A recovery starts when no more than this waits for the client, unless it asks for more room. */
  readonly pauseBytes: number;
}

/**
 * Lets the recoveries of one connection go one after the other, each when the client has taken nearly all of what was
 * sent before. One turn takes at most half of the link's queue; the recoveries of many channels at once would overflow
 * it, and a client that is closed for that comes back to ask for the same again. What is more than that goes on at a
 * later turn (`CatchUp`).
 */
export class RecoveryTurns {
  readonly #options: RecoveryTurnsOptions;
  /** Fulfils when the turn of the last one that has asked for one is over. */
  #last: Promise<void> | undefined;
  /** Those that have a turn or wait for one. */
  #pending = 0;
  #wake: (() => void) | undefined;
  #cancelled = false;

  constructor(options: RecoveryTurnsOptions) {
    this.#options = options;
  }

  /** Nobody has a turn or waits for one. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /** Runs `recover` at its turn, when no more than `maxWaitingBytes` waits: at once when nothing is in the way. */
  take<Result>(
    recover: () => Promise<Result>,
    maxWaitingBytes = this.#options.pauseBytes,
  ): Promise<Result> {
    const run =
      this.idle && this.#hasRoom(maxWaitingBytes)
        ? recover()
        : this.#after(this.#last, recover, maxWaitingBytes);
    this.#pending += 1;
    const end = (): void => {
      this.#pending -= 1;
    };
    this.#last = run.then(end, end);
    return run;
  }

  /** The link may have room again. */
  drained(): void {
    this.#wake?.();
  }

  /** The connection has ended: whoever waits has its turn at once, to find that out. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake?.();
  }

  async #after<Result>(
    previous: Promise<void> | undefined,
    recover: () => Promise<Result>,
    maxWaitingBytes: number,
  ): Promise<Result> {
    await previous;
    while (!this.#hasRoom(maxWaitingBytes)) await this.#drainOrTime();
    return recover();
  }

  #hasRoom(maxWaitingBytes: number): boolean {
    return this.#cancelled || this.#options.link.bufferedBytes() <= maxWaitingBytes;
  }

  async #drainOrTime(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(askAgainMs, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    timer.cancel();
  }
}
