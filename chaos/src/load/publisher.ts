import type { SeededRandom } from "@switchyard/testkit";
import type { Publish } from "../check/history.ts";
import { bodyOf, type Recorder } from "../recorder.ts";
import type { ServerUnderTest } from "../world/server-under-test.ts";
import { exchange } from "./topology.ts";

export interface PublisherOptions {
  readonly name: string;
  readonly server: ServerUnderTest;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  /** Events per second, about. */
  readonly rate: number;
}

/** A new event, or one whose outcome is unknown and that is sent again under its id. */
export interface Outgoing {
  readonly publish: Publish;
  readonly event: Readonly<Record<string, unknown>>;
}

/** What publishers over different transports have in common: which events, under which ids, sent again or not. */
export class EventSource {
  readonly #options: PublisherOptions;
  readonly #again: Outgoing[] = [];
  #session = 1;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Events with a given id that have no known outcome yet, and are to be sent again. */
  get hasRepetitions(): boolean {
    return this.#again.length > 0;
  }

  /** A fresh event, or with `repeat` one that is sent again when there is any. */
  next(repeat: boolean): Outgoing {
    const repeated = repeat ? this.#again.shift() : undefined;
    if (repeated) {
      repeated.publish.attempts += 1;
      return repeated;
    }
    const { recorder, random, name } = this.#options;
    const n = recorder.nextNumber();
    const hasGivenId = random.chance(0.2);
    const delayMs = random.chance(0.04) ? 20 + random.int(600) : undefined;
    const ttlMs = random.chance(0.04) ? 50 + random.int(800) : undefined;
    const publish = recorder.publishing({
      n,
      session: `${name} ${this.#session}`,
      hasGivenId,
      ttlMs,
      delayMs,
    });
    const event = {
      key: `key.${n % 7}`,
      headers: { publisher: name },
      body: bodyOf(n),
      ...(hasGivenId && { id: `given-${n}` }),
      ...(delayMs !== undefined && { delay_ms: delayMs }),
      ...(ttlMs !== undefined && { ttl_ms: ttlMs }),
    };
    return { publish, event };
  }

  /** The outcome is unknown. */
  unanswered(outgoing: Outgoing): void {
    if (outgoing.publish.hasGivenId) this.#again.push(outgoing);
  }

  /** What was sent may still be on its way and arrive after what comes now. */
  newSession(): void {
    this.#session += 1;
  }
}

/** The event as `exchange.publish` takes it. */
export function publishData({ event }: Outgoing): unknown {
  return { exchange, ...event };
}
