const shortestMs = 1_000;
const longestMs = 16_000;

/**
 * Decides when the next connection attempt starts. The stock SDK draws its delay at random and tells it to nobody,
 * so that a countdown could only guess. It does ask for connect data right before every attempt, though, and waits
 * for the answer: this gate holds that answer back, and thereby knows the moment.
 *
 * Delays double from 1 s to 16 s, each shortened at random by up to a quarter, so that many pages do not return at once.
 */
export class RetryGate {
  readonly #now: () => number;
  readonly #random: () => number;
  #failures = 0;
  #opensAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(now: () => number, random: () => number) {
    this.#now = now;
    this.#random = random;
  }

  /** Closes the gate after a failed attempt or a lost connection. Returns when it opens. */
  close(): number {
    const longest = Math.min(longestMs, shortestMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#opensAt = this.#now() + longest * (1 - this.#random() / 4);
    this.#schedule();
    return this.#opensAt;
  }

  /** The number of the attempt that goes through next; 1 when nothing has failed. */
  get attempt(): number {
    return this.#failures + 1;
  }

  /** Resolves when the gate is open: at once unless it was closed. */
  pass(): Promise<void> {
    if (this.#now() >= this.#opensAt) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  /** Lets those who wait through now. */
  open(): void {
    this.#opensAt = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Opens, and forgets the failures: the connection is there. */
  reset(): void {
    this.#failures = 0;
    this.open();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), Math.max(0, this.#opensAt - this.#now()));
  }
}
