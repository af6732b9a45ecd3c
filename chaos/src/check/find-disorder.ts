import type { History, Publish } from "./history.ts";
import { type Violation, violationOf } from "./violation.ts";

/** What a consumer has had so far of one queue, as first deliveries. */
interface Progress {
  /** Highest number by session of a publisher. */
  readonly bySession: Map<string, number>;
  /** The latest time at which one of them was sent. */
  latestSentAt: number;
  latest: number;
}

/**
 * First deliveries that are out of order: to one consumer, of what one publisher sent in one session, and of any two
 * events of which one was confirmed before the other was sent. Flagged deliveries are left out (they come back into
 * their old place), and so are delayed events and those that were sent again.
 */
export function findDisorder({ publishes, deliveries }: History): Violation[] {
  const ordered = new Map<number, Publish>();
  for (const publish of publishes)
    if (publish.delayMs === undefined && publish.attempts === 1) ordered.set(publish.n, publish);
  const consumers = new Map<string, Progress>();
  const violations: Violation[] = [];
  for (const { n, queue, consumer, redelivered, attempt } of deliveries) {
    const publish = n === undefined ? undefined : ordered.get(n);
    if (!publish || redelivered || attempt > 1) continue;
    const of = `${queue} ${consumer}`;
    let progress = consumers.get(of);
    if (!progress) {
      progress = { bySession: new Map(), latestSentAt: Number.NEGATIVE_INFINITY, latest: 0 };
      consumers.set(of, progress);
    }
    const former = progress.bySession.get(publish.session);
    if (former !== undefined && former > publish.n)
      violations.push(
        violationOf("out-of-order", `${queue}: after ${former}, sent later`, publish.n),
      );
    else progress.bySession.set(publish.session, publish.n);
    if (publish.confirmedAt !== undefined && publish.confirmedAt < progress.latestSentAt)
      violations.push(
        violationOf(
          "out-of-order",
          `${queue}: after ${progress.latest}, which was sent after its confirm`,
          publish.n,
        ),
      );
    if (publish.sentAt > progress.latestSentAt) {
      progress.latestSentAt = publish.sentAt;
      progress.latest = publish.n;
    }
  }
  return violations;
}
