import { expect, test } from "bun:test";
import { checkHistory } from "./check-history.ts";
import type { DeadLetter, Delivery, History, Publish, Settlement } from "./history.ts";

const queues = [
  { name: "plain", hasDeadLetterExchange: false, maxAttempts: undefined, overflow: undefined },
  { name: "retried", hasDeadLetterExchange: true, maxAttempts: 3, overflow: undefined },
  { name: "bounded", hasDeadLetterExchange: true, maxAttempts: undefined, overflow: "dead-letter" },
] as const;
const names = queues.map(({ name }) => name);

/** A history in which all is well, to be spoiled. */
class Story {
  readonly publishes: Publish[] = [];
  readonly deliveries: Delivery[] = [];
  readonly settlements: Settlement[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly depths: { queue: string; messages: number }[] = [];
  #now = 0;

  get history(): History {
    const { publishes, deliveries, settlements, deadLetters, depths } = this;
    return { queues, publishes, deliveries, settlements, deadLetters, depths };
  }

  published(n: number, more: Partial<Publish> = {}): this {
    const sentAt = this.#tick();
    this.publishes.push({
      n,
      session: "p1",
      sentAt,
      hasGivenId: false,
      attempts: 1,
      confirmedAt: this.#tick(),
      routed: 3,
      wasDuplicate: false,
      ttlMs: undefined,
      delayMs: undefined,
      ...more,
    });
    return this;
  }

  delivered(n: number, queue: string, more: Partial<Delivery> = {}): this {
    const at = this.#tick();
    const usual = {
      consumer: "c1",
      incarnation: 1,
      redelivered: false,
      attempt: 1,
      isIntact: true,
    };
    this.deliveries.push({ n, queue, at, ...usual, ...more });
    return this;
  }

  settled(n: number, queue: string, more: Partial<Settlement> = {}): this {
    const usual = { kind: "ack", incarnation: 1, isDrain: false } as const;
    this.settlements.push({ n, queue, confirmedAt: this.#tick(), ...usual, ...more });
    return this;
  }

  /** Delivered and acknowledged in these queues. */
  consumed(n: number, ...where: readonly string[]): this {
    for (const queue of where) this.delivered(n, queue).settled(n, queue);
    return this;
  }

  died(n: number, queue: string, reason: string): this {
    this.deadLetters.push({ n, queue, reason });
    return this;
  }

  get kinds(): string[] {
    return checkHistory(this.history).violations.map(({ kind }) => kind);
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }
}

test("a history in which all is well has no violations, and its balance adds up", () => {
  const story = new Story()
    .published(1)
    .consumed(1, ...names)
    .published(2)
    .consumed(2, "plain")
    .delivered(2, "retried")
    .settled(2, "retried", { kind: "nack" })
    .delivered(2, "retried", { attempt: 2, redelivered: true })
    .settled(2, "retried", { confirmedAt: undefined })
    .died(2, "bounded", "maxlen")
    .published(3, { ttlMs: 5 })
    .died(3, "retried", "expired")
    .delivered(3, "bounded")
    .settled(3, "bounded", { kind: "reject" })
    .died(3, "bounded", "rejected")
    .published(4)
    .delivered(4, "plain")
    .settled(4, "plain", { isDrain: true })
    .consumed(4, "retried", "bounded")
    .published(5, { confirmedAt: undefined, routed: undefined });
  const { violations, balances } = checkHistory(story.history);
  expect(violations).toEqual([]);
  const zero = {
    published: 4,
    acked: 0,
    ackedUnanswered: 0,
    dead: 0,
    expired: 0,
    dropped: 0,
    left: 0,
  };
  expect(balances).toEqual([
    { ...zero, queue: "plain", acked: 2, expired: 1, left: 1 },
    { ...zero, queue: "retried", acked: 3, ackedUnanswered: 1, dead: 1 },
    { ...zero, queue: "bounded", acked: 2, dead: 2 },
  ]);
});

const unconfirmed = { confirmedAt: undefined, routed: undefined };

test.each<[string, string[], Story]>([
  ["confirmed, and in no queue", ["lost", "lost", "lost"], new Story().published(1)],
  [
    "confirmed, and missing in one queue",
    ["lost"],
    new Story().published(1).consumed(1, "plain", "bounded"),
  ],
  [
    "delivered, not settled, and never again",
    ["lost"],
    new Story().published(1).consumed(1, "plain", "bounded").delivered(1, "retried"),
  ],
  [
    "given back, and never again",
    ["lost"],
    new Story()
      .published(1)
      .consumed(1, "plain", "bounded")
      .delivered(1, "retried")
      .settled(1, "retried", { kind: "nack" }),
  ],
  [
    "rejected, and no dead letter",
    ["lost"],
    new Story()
      .published(1)
      .consumed(1, "plain", "retried")
      .delivered(1, "bounded")
      .settled(1, "bounded", { kind: "reject" }),
  ],
  [
    "not confirmed, and in two of three",
    ["torn"],
    new Story().published(1, unconfirmed).consumed(1, "plain", "bounded"),
  ],
  ["never published", ["phantom"], new Story().delivered(7, "plain")],
  ["a dead letter that was never published", ["phantom"], new Story().died(7, "plain", "rejected")],
  [
    "with another body",
    ["altered"],
    new Story()
      .published(1)
      .delivered(1, "plain", { isIntact: false })
      .settled(1, "plain")
      .consumed(1, "retried", "bounded"),
  ],
  [
    "confirmed for two queues",
    ["wrong-confirm"],
    new Story().published(1, { routed: 2 }).consumed(1, ...names),
  ],
  [
    "a duplicate that was sent once",
    ["wrong-confirm"],
    new Story().published(1, { wasDuplicate: true, hasGivenId: true }).consumed(1, ...names),
  ],
  [
    "twice without a flag",
    ["unflagged-duplicate"],
    new Story()
      .published(1)
      .delivered(1, "plain")
      .consumed(1, ...names),
  ],
  [
    "again after a committed acknowledgement",
    ["delivered-after-ack"],
    new Story()
      .published(1)
      .consumed(1, ...names)
      .delivered(1, "plain", { redelivered: true }),
  ],
  [
    "a given id that was stored twice",
    ["ended-twice", "delivered-after-ack"],
    new Story()
      .published(1, { hasGivenId: true, attempts: 2, wasDuplicate: true })
      .consumed(1, ...names)
      .delivered(1, "plain", { redelivered: true })
      .settled(1, "plain"),
  ],
  [
    "acknowledged and dead",
    ["ended-twice"],
    new Story()
      .published(1)
      .consumed(1, ...names)
      .died(1, "retried", "attempts"),
  ],
  [
    "a fourth attempt of three",
    ["too-many-attempts"],
    new Story()
      .published(1)
      .consumed(1, "plain", "bounded")
      .delivered(1, "retried", { attempt: 4 })
      .settled(1, "retried"),
  ],
  [
    "dead by rejection, and nobody has rejected it",
    ["dead-without-cause"],
    new Story().published(1).consumed(1, "plain", "bounded").died(1, "retried", "rejected"),
  ],
  [
    "expired without a time to live",
    ["dead-without-cause"],
    new Story().published(1).consumed(1, "plain", "bounded").died(1, "retried", "expired"),
  ],
  [
    "one session out of order",
    ["out-of-order"],
    new Story()
      .published(1, { confirmedAt: 9 })
      .published(2)
      .consumed(2, ...names)
      .delivered(1, "plain")
      .settled(1, "plain")
      .delivered(1, "retried", { consumer: "c2" })
      .settled(1, "retried")
      .delivered(1, "bounded", { redelivered: true })
      .settled(1, "bounded"),
  ],
  [
    "one event before another that was confirmed before it was sent",
    ["out-of-order"],
    new Story()
      .published(1)
      .published(2, { session: "p2" })
      .consumed(2, ...names)
      .consumed(1, "plain")
      .delivered(1, "retried", { consumer: "c2" })
      .settled(1, "retried")
      .delivered(1, "bounded", { consumer: "c2" })
      .settled(1, "bounded"),
  ],
])("%s", (_, kinds, story) => {
  expect(story.kinds).toEqual(kinds);
});

test("what a queue drops from its head is gone, or a dead letter with an exchange for those", () => {
  const { history } = new Story().published(1).consumed(1, "plain", "retried");
  const bounded = { name: "bounded", maxAttempts: undefined, overflow: "drop-head" } as const;
  const verdictOf = (hasDeadLetterExchange: boolean): ReturnType<typeof checkHistory> =>
    checkHistory({
      ...history,
      queues: [queues[0], queues[1], { ...bounded, hasDeadLetterExchange }],
    });
  expect(verdictOf(false)).toMatchObject({ violations: [], balances: [{}, {}, { dropped: 1 }] });
  expect(verdictOf(true)).toMatchObject({ violations: [{ kind: "lost" }] });
});

test("a queue that still counts messages when nothing comes any more", () => {
  const story = new Story();
  story.depths.push({ queue: "plain", messages: 2 });
  expect(story.kinds).toEqual(["stuck"]);
});

test.each<[string, Story]>([
  [
    "a frame of a process that was replaced arrives late",
    new Story()
      .published(1)
      .delivered(1, "plain", { incarnation: 2, redelivered: true })
      .settled(1, "plain", { incarnation: 2 })
      .delivered(1, "plain", { incarnation: 1 })
      .consumed(1, "retried", "bounded"),
  ],
  [
    "a delayed event comes after later ones",
    new Story()
      .published(1, { delayMs: 50 })
      .published(2)
      .consumed(2, ...names)
      .consumed(1, ...names),
  ],
])("no violation: %s", (_, story) => {
  expect(story.kinds).toEqual([]);
});
