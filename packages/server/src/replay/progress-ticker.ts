import type { Clock, Timer } from "@switchyard/core";

export interface ProgressTickerOptions {
  readonly clock: Pick<Clock, "after">;
  readonly write: (text: string) => void;
  /** Columns of the terminal, asked at every draw; undefined: there is no terminal. */
  readonly terminalWidth: () => number | undefined;
  readonly bar: (width: number) => string;
  readonly line: () => string;
}

const drawEveryMs = 100;
const logEveryMs = 5_000;
const clearLine = "\r\u001B[2K";

/** Shows progress until it is stopped: a bar that is drawn anew on a terminal, elsewhere a line every five seconds. */
export class ProgressTicker {
  readonly #options: ProgressTickerOptions;
  #timer: Timer | undefined;
  #drawn = false;

  constructor(options: ProgressTickerOptions) {
    this.#options = options;
  }

  start(): void {
    const isTerminal = this.#options.terminalWidth() !== undefined;
    this.#timer = this.#options.clock.after(isTerminal ? drawEveryMs : logEveryMs, () => {
      this.#show();
      this.start();
    });
  }

  /** Takes the bar away, so that what is printed next stands alone. */
  stop(): void {
    this.#timer?.cancel();
    if (this.#drawn) this.#options.write(clearLine);
    this.#drawn = false;
  }

  #show(): void {
    const { terminalWidth, write, bar, line } = this.#options;
    const width = terminalWidth();
    if (width === undefined) {
      write(`${line()}\n`);
      return;
    }
    this.#drawn = true;
    write(`${clearLine}${bar(width)}`);
  }
}
