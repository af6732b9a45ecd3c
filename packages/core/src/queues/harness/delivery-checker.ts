import { SwitchyardError } from "../../errors/switchyard-error.ts";
import type { Delivery, PublishEventOutcome } from "../broker-operations.ts";

/** The store's clock is known as well as its answers come soon. */
const clockErrorMs = 20;

/** One event as its publisher knows it. Bodies are numbers, given out in the order of publishing. */
export interface Published {
  readonly n: number;
  readonly queues: readonly string[];
  readonly priority: number;
  readonly id: string | undefined;
  /** Not to be delivered earlier, by the store's clock; 0: at once. */
  readonly notBefore: number;
  outcome: "pending" | "confirmed" | "duplicate" | "returned" | "refused" | "unknown";
}

/** Who has a message in hand. */
export interface Holder {
  readonly name: string;
  /** Of a pull: the lease ends then, and the message may go to another one. */
  readonly until: number | undefined;
}

interface Story {
  deliveries: number;
  holder: Holder | undefined;
  /** Nacks, lost connections, lapsed leases. */
  failures: number;
  /** Settled for good: no delivery may follow. */
  gone: "acked" | "rejected" | undefined;
  /** It was settled, and the answer was not heard. */
  mayBeGone: boolean;
}

/** Watches all that publishers and consumers see, and gathers what must not be. */
export class DeliveryChecker {
  readonly published = new Map<number, Published>();
  readonly problems: string[] = [];
  readonly #stories = new Map<string, Story>();
  /** By consumer and priority: the latest first delivery. */
  readonly #latest = new Map<string, number>();
  /** Queues whose messages an overflow, a purge or a crash of the database may have taken. */
  readonly lossy = new Set<string>(["head"]);
  /** False from the first crash on: what failed just before may not have been counted. */
  exactAttempts = true;

  publishes(event: Omit<Published, "outcome">): Published {
    const record: Published = { ...event, outcome: "pending" };
    this.published.set(event.n, record);
    return record;
  }

  answered(record: Published, outcome: PublishEventOutcome | undefined): void {
    if (outcome === undefined) record.outcome = "unknown";
    else if (outcome.kind === "returned") record.outcome = "returned";
    else if (outcome.kind === "confirmed")
      record.outcome = outcome.duplicate ? "duplicate" : "confirmed";
    else record.outcome = isRefusal(outcome.error) ? "refused" : "unknown";
  }

  /** `isOrdered`: events come to this queue in the order of publishing. */
  delivered(
    delivery: Delivery,
    holder: Holder,
    { now, isOrdered }: { readonly now: number; readonly isOrdered: boolean },
  ): void {
    const { queue, redelivered, attempt, priority } = delivery;
    const n = Number(delivery.body);
    const at = `${queue}/${n}`;
    const event = this.published.get(n);
    const story = this.story(queue, n);
    if (!event || (!event.queues.includes(queue) && queue !== "dead"))
      return this.#wrong(`${at} was delivered and not published`);
    if (
      event.outcome === "refused" ||
      event.outcome === "returned" ||
      event.outcome === "duplicate"
    )
      this.#wrong(`${at} was delivered and ${event.outcome}`);
    if (queue !== "dead" && now + clockErrorMs < event.notBefore)
      this.#wrong(`${at} was delivered too early`);
    if (story.gone) this.#wrong(`${at} was delivered after it had been ${story.gone}`);
    if (story.holder?.until !== undefined && now >= story.holder.until) {
      story.failures += 1;
      story.holder = undefined;
    }
    if (story.holder) this.#wrong(`${at} is with ${story.holder.name} and with ${holder.name}`);
    if (story.deliveries > 0 && !redelivered) this.#wrong(`${at} came again without a flag`);
    const expected = 1 + story.failures;
    if (this.exactAttempts ? attempt !== expected : attempt > expected)
      this.#wrong(`${at} is attempt ${attempt}, not ${expected}`);
    if (story.deliveries === 0 && event.notBefore === 0 && isOrdered) {
      const line = `${holder.name}/${queue}/${priority}`;
      const latest = this.#latest.get(line) ?? 0;
      if (n < latest) this.#wrong(`${at} came first after ${latest}`);
      this.#latest.set(line, Math.max(n, latest));
    }
    story.deliveries += 1;
    story.holder = holder;
  }

  story(queue: string, n: number): Story {
    const key = `${queue}/${n}`;
    let story = this.#stories.get(key);
    if (!story) {
      story = { deliveries: 0, holder: undefined, failures: 0, gone: undefined, mayBeGone: false };
      this.#stories.set(key, story);
    }
    return story;
  }

  /** The server has been lost: nobody holds anything of it. */
  crashed(now: number): void {
    this.exactAttempts = false;
    for (const story of this.#stories.values()) {
      if (story.holder?.until !== undefined && now >= story.holder.until) story.failures += 1;
      story.holder = undefined;
    }
  }

  /** After everything has been consumed. `dead`: where the dead letters of `mortal` queues have gone. */
  finish(options: {
    readonly together: readonly string[];
    readonly mortal: readonly string[];
  }): void {
    for (const event of this.published.values()) this.#finishEvent(event, options);
    const byId = Map.groupBy(
      [...this.published.values()].filter(({ id }) => id !== undefined),
      ({ id }) => id,
    );
    for (const [id, events] of byId) {
      const seen = events.filter(({ n, queues }) =>
        [...queues, "dead"].some((queue) => this.story(queue, n).deliveries > 0),
      );
      if (seen.length > 1) this.#wrong(`id ${id} was stored as ${seen.map(({ n }) => n).join()}`);
      const wasConfirmed = events.some(
        ({ outcome }) => outcome === "confirmed" || outcome === "duplicate",
      );
      if (wasConfirmed && seen.length === 0) this.#wrong(`id ${id} was confirmed and is missing`);
    }
  }

  #finishEvent(
    { n, queues, outcome }: Published,
    {
      together,
      mortal,
    }: { readonly together: readonly string[]; readonly mortal: readonly string[] },
  ): void {
    if (outcome === "pending") this.#wrong(`${n} was never answered`);
    if (outcome === "returned" && queues.length > 0) this.#wrong(`${n} was returned`);
    const reached = together.filter((queue) => queues.includes(queue));
    const seen = reached.filter((queue) => this.story(queue, n).deliveries > 0);
    if (seen.length > 0 && seen.length < reached.length)
      this.#wrong(`${n} is in ${seen.join()} alone`);
    if (outcome !== "confirmed") return;
    for (const queue of queues) {
      if (this.lossy.has(queue)) continue;
      const { deliveries, gone, mayBeGone } = this.story(queue, n);
      const died = mortal.includes(queue) && this.story("dead", n).deliveries > 0;
      if (deliveries === 0 && !died) this.#wrong(`${queue}/${n} was confirmed and is missing`);
      else if (!died && !mayBeGone && gone !== "acked")
        this.#wrong(`${queue}/${n} was confirmed, then lost`);
      if (died && gone === "acked") this.#wrong(`${queue}/${n} was acknowledged and died`);
    }
  }

  #wrong(problem: string): void {
    this.problems.push(problem);
  }
}

/** Nothing was stored, for certain. */
function isRefusal(error: Error): boolean {
  return error instanceof SwitchyardError && ["queueFull", "tooManyRequests"].includes(error.kind);
}
