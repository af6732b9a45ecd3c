import type {
  DeadLetter,
  Delivery,
  History,
  Publish,
  QueueDepth,
  QueueTerms,
  Settlement,
} from "./check/history.ts";

/** The bodies' filling is so long at most, characters. */
const longestFill = 400;

export interface Body {
  readonly n: number;
  readonly fill: string;
}

/** Gathers the history of a run, from all its publishers and consumers. */
export class Recorder {
  readonly publishes: Publish[] = [];
  readonly deliveries: Delivery[] = [];
  readonly settlements: Settlement[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly depths: QueueDepth[] = [];
  #last = 0;
  confirmed = 0;

  history(queues: readonly QueueTerms[]): History {
    const { publishes, deliveries, settlements, deadLetters, depths } = this;
    return { queues, publishes, deliveries, settlements, deadLetters, depths };
  }

  now(): number {
    return performance.now();
  }

  /** Of a new event. */
  nextNumber(): number {
    this.#last += 1;
    return this.#last;
  }

  publishing(
    publish: Pick<Publish, "n" | "session" | "hasGivenId" | "ttlMs" | "delayMs">,
  ): Publish {
    const started: Publish = {
      ...publish,
      sentAt: this.now(),
      attempts: 1,
      confirmedAt: undefined,
      routed: undefined,
      wasDuplicate: false,
    };
    this.publishes.push(started);
    return started;
  }

  confirm(publish: Publish, answer: unknown): void {
    const { routed, duplicate } = isRecord(answer) ? answer : {};
    publish.confirmedAt = this.now();
    publish.routed = typeof routed === "number" ? routed : undefined;
    publish.wasDuplicate = duplicate === true;
    this.confirmed += 1;
  }

  /** Returns the number of its event; undefined: it is none of ours. */
  delivered(
    delivery: unknown,
    of: Pick<Delivery, "queue" | "consumer" | "incarnation">,
  ): number | undefined {
    const { body, redelivered, attempt } = isRecord(delivery) ? delivery : {};
    const n = numberOf(body);
    this.deliveries.push({
      ...of,
      n,
      at: this.now(),
      redelivered: redelivered === true,
      attempt: typeof attempt === "number" ? attempt : 0,
      isIntact: n !== undefined && JSON.stringify(body) === JSON.stringify(bodyOf(n)),
    });
    return n;
  }

  settling(settlement: Omit<Settlement, "confirmedAt">): Settlement {
    const started: Settlement = { ...settlement, confirmedAt: undefined };
    this.settlements.push(started);
    return started;
  }
}

export function bodyOf(n: number): Body {
  return { n, fill: "x".repeat((n * 7_919) % longestFill) };
}

export function numberOf(body: unknown): number | undefined {
  const n = isRecord(body) ? body["n"] : undefined;
  return typeof n === "number" ? n : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
