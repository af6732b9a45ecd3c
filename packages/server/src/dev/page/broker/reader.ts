import { BrokerProblem, problemText } from "./broker-api.ts";

/** `stale`: what is shown was true at `readAt` (Unix milliseconds); undefined: nothing has been read yet. */
export type Reading =
  | { readonly kind: "loading" }
  | { readonly kind: "current"; readonly readAt: number }
  | { readonly kind: "stale"; readonly readAt: number | undefined; readonly problem: string }
  | { readonly kind: "denied"; readonly problem: string }
  | { readonly kind: "paused"; readonly readAt: number | undefined };

export interface ReaderOptions<State> {
  readonly read: (signal: AbortSignal) => Promise<State>;
  readonly onState: (state: State, readAt: number) => void;
  readonly onReading: (reading: Reading) => void;
  readonly now: () => number;
  /** Between an answer and the next question. */
  readonly everyMs: number;
  /** An answer that takes longer is given up. */
  readonly patienceMs: number;
}

/**
 * Reads again and again, one question at a time, while it is awake. `wake` and `sleep` follow the page's visibility;
 * neither does anything the second time.
 */
export class Reader<State> {
  readonly #options: ReaderOptions<State>;
  #awake = false;
  #readAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #under: AbortController | undefined;

  constructor(options: ReaderOptions<State>) {
    this.#options = options;
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    if (this.#readAt === undefined) this.#options.onReading({ kind: "loading" });
    void this.#next();
  }

  sleep(): void {
    if (!this.#awake) return;
    this.#awake = false;
    this.#cancel();
    this.#options.onReading({ kind: "paused", readAt: this.#readAt });
  }

  /** Does not wait for the next turn: something has just been changed. A question under way is asked anew. */
  readNow(): void {
    if (!this.#awake) return;
    this.#cancel();
    void this.#next();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#under?.abort();
    this.#under = undefined;
  }

  async #next(): Promise<void> {
    const { read, onState, onReading, now, everyMs, patienceMs } = this.#options;
    const own = new AbortController();
    this.#under = own;
    try {
      const state = await read(AbortSignal.any([own.signal, AbortSignal.timeout(patienceMs)]));
      if (this.#under !== own) return;
      this.#readAt = now();
      onState(state, this.#readAt);
      onReading({ kind: "current", readAt: this.#readAt });
    } catch (error) {
      if (this.#under !== own) return;
      const problem = problemText(error);
      onReading(
        error instanceof BrokerProblem && error.kind === "denied"
          ? { kind: "denied", problem }
          : { kind: "stale", readAt: this.#readAt, problem },
      );
    }
    this.#timer = setTimeout(() => void this.#next(), everyMs);
  }
}
