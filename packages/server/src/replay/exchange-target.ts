import type { BackOff } from "./back-off.ts";
import type { EventTemplate } from "./event-template.ts";
import type { EventReply, ExchangeApi, ReplayEvent } from "./exchange-api.ts";
import { ReplayError } from "./replay-error.ts";
import type { ReplayLine, ReplayTarget } from "./replay-target.ts";

export interface ExchangeTargetOptions {
  /** For messages. */
  readonly exchange: string;
  readonly template: EventTemplate;
  readonly api: ExchangeApi;
  readonly backOff: BackOff;
  /** Unique to this run. With the number of the line it is the id of an event. */
  readonly runId: string;
}

/** After these the same event may be taken later: 100 internal, 111 too many requests, 420 queue full, 421 store unavailable. */
const temporaryCodes: ReadonlySet<number> = new Set([100, 111, 420, 421]);

interface LineEvent extends ReplayEvent {
  readonly line: number;
}

/**
 * Publishes lines to an exchange, one batch after the other. What was not confirmed is sent again under the same id, from
 * the first such line on, so that the order holds: the server knows the ids that it has taken (as long as the replay
 * gives up before the server forgets them, 2 minutes by default).
 */
export class ExchangeTarget implements ReplayTarget {
  readonly #options: ExchangeTargetOptions;
  #unroutable = 0;

  constructor(options: ExchangeTargetOptions) {
    this.#options = options;
  }

  describe(): string {
    const { exchange } = this.#options;
    const to = exchange === "" ? "the default exchange" : `the exchange ${exchange}`;
    if (this.#unroutable === 0) return to;
    return `${to} (${this.#unroutable.toLocaleString("en-US")} unroutable)`;
  }

  async send(lines: readonly ReplayLine[], signal: AbortSignal): Promise<void> {
    const { api, backOff } = this.#options;
    let left = lines.map((line) => this.#eventOf(line));
    while (left.length > 0) {
      const outcome = await api.publish(left, signal);
      if (outcome.kind === "unknown") {
        await backOff.wait(outcome.reason, signal);
        continue;
      }
      const failedAt = firstFailure(left, outcome.replies);
      const taken = failedAt < 0 ? left.length : failedAt;
      for (const reply of outcome.replies.slice(0, taken)) {
        if (reply.kind === "confirmed" && reply.routed === 0) this.#unroutable += 1;
      }
      if (taken > 0) backOff.succeeded();
      left = left.slice(taken);
      if (left.length > 0) await backOff.wait("an event was not confirmed", signal);
    }
  }

  #eventOf({ line, values, data }: ReplayLine): LineEvent {
    const { template, runId } = this.#options;
    return {
      line,
      id: `${runId}-${line}`,
      key: template.keyOf(values),
      headers: template.headersOf(values),
      body: data,
    };
  }
}

/** Index of the first event that is to be sent again; -1: none. Throws `ReplayError` when that is of no use. */
function firstFailure(events: readonly LineEvent[], replies: readonly EventReply[]): number {
  return events.findIndex(({ line }, index) => {
    const reply = replies[index];
    if (reply?.kind !== "refused") return false;
    if (temporaryCodes.has(reply.code)) return true;
    throw new ReplayError(
      `Line ${line}: the server refuses the event: error ${reply.code}, ${reply.message}`,
    );
  });
}
