import type { DeadLetter, Delivery, History, Publish, QueueTerms, Settlement } from "./history.ts";
import { findDisorder } from "./find-disorder.ts";
import { type Violation, type ViolationKind, violationOf } from "./violation.ts";

/** Where the messages of one queue ended: each in exactly one place. */
export interface Balance {
  readonly queue: string;
  /** Confirmed, or seen. */
  published: number;
  acked: number;
  /** Of those, acknowledged without hearing whether that was committed, and not seen again. */
  ackedUnanswered: number;
  dead: number;
  expired: number;
  dropped: number;
  /** What the drain found. */
  left: number;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly balances: readonly Balance[];
}

/** What is known of one message in one queue. */
interface Trace {
  readonly deliveries: Delivery[];
  readonly settlements: Settlement[];
  readonly deadLetters: DeadLetter[];
}

/** Where a message of a queue ended. `nowhere`: nothing says that it was ever there. */
type Fate =
  | "acked"
  | "ackedUnanswered"
  | "left"
  | "dead"
  | "expired"
  | "dropped"
  | "lost"
  | "nowhere";

/**
 * Checks a history against what the broker promises: what was confirmed is in all queues, what was not is in all or in
 * none; nothing else appears; every message ends in one place once; a possible second delivery says so; first deliveries
 * of a queue are in order. Pure; linear in the history.
 */
export function checkHistory(history: History): Verdict {
  const { queues, publishes } = history;
  const violations: Violation[] = [...findDisorder(history)];
  const byNumber = new Map(publishes.map((publish) => [publish.n, publish]));
  const traces = new Map(queues.map(({ name }) => [name, tracesOf(history, name)]));
  violations.push(...findStrangers(history, byNumber), ...findWrongConfirms(history));
  const balances = queues.map(({ name }) => emptyBalance(name));
  for (const publish of publishes) {
    const fates = queues.map((queue) => {
      const trace = traces.get(queue.name)?.get(publish.n);
      if (trace) violations.push(...checkTrace(publish, queue, trace));
      return fateOf(publish, queue, trace);
    });
    const isStored =
      publish.confirmedAt !== undefined ||
      fates.some((fate) => fate !== "nowhere" && fate !== "expired" && fate !== "dropped");
    for (const [index, balance] of balances.entries()) {
      const fate = fates[index];
      if (!isStored || fate === undefined) continue;
      balance.published += 1;
      if (fate === "ackedUnanswered") balance.acked += 1;
      if (fate === "nowhere" || fate === "lost")
        violations.push(missing(publish, balance.queue, fate));
      else balance[fate] += 1;
    }
  }
  for (const { queue, messages } of history.depths) {
    if (messages > 0)
      violations.push(violationOf("stuck", `${queue}: ${messages} messages that nobody gets`));
  }
  return { violations, balances };
}

function tracesOf(history: History, queue: string): Map<number, Trace> {
  const traces = new Map<number, Trace>();
  const traceOf = (n: number): Trace => {
    const known = traces.get(n);
    if (known) return known;
    const trace: Trace = { deliveries: [], settlements: [], deadLetters: [] };
    traces.set(n, trace);
    return trace;
  };
  for (const one of history.deliveries)
    if (one.queue === queue && one.n !== undefined) traceOf(one.n).deliveries.push(one);
  for (const one of history.settlements)
    if (one.queue === queue) traceOf(one.n).settlements.push(one);
  for (const one of history.deadLetters)
    if (one.queue === queue && one.n !== undefined) traceOf(one.n).deadLetters.push(one);
  return traces;
}

function findStrangers(
  { deliveries, deadLetters }: History,
  published: ReadonlyMap<number, Publish>,
): Violation[] {
  const violations: Violation[] = [];
  for (const { n, queue, isIntact } of deliveries) {
    if (n === undefined || !published.has(n))
      violations.push(violationOf("phantom", `${queue}: delivered, never published`, n));
    else if (!isIntact) violations.push(violationOf("altered", `${queue}: another body`, n));
  }
  for (const { n, queue, reason } of deadLetters) {
    if (n === undefined || !published.has(n))
      violations.push(violationOf("phantom", `${queue}: dead (${reason}), never published`, n));
  }
  return violations;
}

function findWrongConfirms({ publishes, queues }: History): Violation[] {
  const violations: Violation[] = [];
  for (const { n, confirmedAt, routed, wasDuplicate, attempts } of publishes) {
    if (confirmedAt === undefined) continue;
    if (wasDuplicate && attempts === 1)
      violations.push(violationOf("wrong-confirm", "a duplicate at its first attempt", n));
    if (!wasDuplicate && routed !== queues.length)
      violations.push(violationOf("wrong-confirm", `routed to ${routed ?? "?"} queues`, n));
  }
  return violations;
}

function checkTrace(publish: Publish, queue: QueueTerms, trace: Trace): Violation[] {
  const { n } = publish;
  const { deliveries, settlements, deadLetters } = trace;
  const violations: Violation[] = [];
  const found = (kind: ViolationKind, detail: string): void => {
    violations.push(violationOf(kind, `${queue.name}: ${detail}`, n));
  };
  const unflagged = deliveries.filter(({ redelivered, attempt }) => !redelivered && attempt <= 1);
  if (unflagged.length > 1)
    found("unflagged-duplicate", `delivered ${unflagged.length} times as if for the first time`);
  const acks = settlements.filter(
    ({ kind, confirmedAt }) => kind === "ack" && confirmedAt !== undefined,
  );
  const ends = acks.length + deadLetters.length;
  if (ends > 1)
    found("ended-twice", `acknowledged ${acks.length} times, dead ${deadLetters.length} times`);
  for (const { confirmedAt = Number.POSITIVE_INFINITY, incarnation } of acks) {
    // What an earlier process had written into a socket may still arrive.
    if (deliveries.some((one) => one.at > confirmedAt && one.incarnation >= incarnation))
      found("delivered-after-ack", "delivered after its acknowledgement was committed");
  }
  const { maxAttempts = Number.POSITIVE_INFINITY } = queue;
  if (deliveries.some(({ attempt }) => attempt > maxAttempts))
    found("too-many-attempts", `delivered above ${maxAttempts} attempts`);
  for (const { reason } of deadLetters) {
    if (!isPlausible(reason, publish, queue, trace))
      found("dead-without-cause", `a dead letter (${reason}) without a cause`);
  }
  return violations;
}

function isPlausible(reason: string, publish: Publish, queue: QueueTerms, trace: Trace): boolean {
  switch (reason) {
    case "rejected":
      return trace.settlements.some(({ kind }) => kind === "reject");
    case "attempts":
      return queue.maxAttempts !== undefined;
    case "expired":
      return publish.ttlMs !== undefined && queue.hasDeadLetterExchange;
    case "maxlen":
      return queue.overflow !== undefined && !dropsOverflow(queue);
    default:
      return false;
  }
}

/** With a dead-letter exchange, what is dropped from the head goes there too. */
function dropsOverflow({ overflow, hasDeadLetterExchange }: QueueTerms): boolean {
  return overflow === "drop-head" && !hasDeadLetterExchange;
}

function fateOf(publish: Publish, queue: QueueTerms, trace: Trace | undefined): Fate {
  if (trace) {
    if (trace.deadLetters.length > 0) return "dead";
    const acks = trace.settlements.filter(({ kind }) => kind === "ack");
    const committed = acks.find(({ confirmedAt }) => confirmedAt !== undefined);
    if (committed) return committed.isDrain ? "left" : "acked";
    if (acks.length > 0) return "ackedUnanswered";
  }
  if (publish.ttlMs !== undefined && !queue.hasDeadLetterExchange) return "expired";
  if (dropsOverflow(queue)) return "dropped";
  return trace ? "lost" : "nowhere";
}

function missing(publish: Publish, queue: string, fate: "lost" | "nowhere"): Violation {
  if (fate === "lost")
    return violationOf(
      "lost",
      `${queue}: was delivered, not settled, and never came again`,
      publish.n,
    );
  return publish.confirmedAt === undefined
    ? violationOf("torn", `${queue}: not here, but in another queue`, publish.n)
    : violationOf("lost", `${queue}: confirmed, and never seen`, publish.n);
}

function emptyBalance(queue: string): Balance {
  return {
    queue,
    published: 0,
    acked: 0,
    ackedUnanswered: 0,
    dead: 0,
    expired: 0,
    dropped: 0,
    left: 0,
  };
}
