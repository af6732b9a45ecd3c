import type { Timer } from "../ports/clock.ts";
import type { PulledDelivery, PullRequest, Settlement } from "./broker-operations.ts";
import { Heap } from "./heap.ts";
import type { Message } from "./message.ts";
import { deliveryOf } from "./queue-consumer.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

/** Entries about leases that are kept at least, also when most have been settled. */
const lapsesKept = 1_000;

interface Waiter {
  readonly request: PullRequest;
  readonly answer: (deliveries: readonly PulledDelivery[]) => void;
}

/** A message that was pulled and is leased. */
interface Claim {
  readonly message: Message;
  /** Monotonic milliseconds. */
  until: number;
}

interface Lapse {
  readonly receipt: string;
  readonly at: number;
}

/** Pulls of one queue: those that wait, and the leases of what was pulled. */
export class PullDesk {
  readonly #home: QueueHome;
  readonly #services: QueueServices;
  readonly #waiters = new Set<Waiter>();
  readonly #claims = new Map<string, Claim>();
  /** When to look at which claim; one that was extended has a later entry too. */
  readonly #lapses = new Heap<Lapse>((one, other) => one.at < other.at);
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(home: QueueHome, services: QueueServices) {
    this.#home = home;
    this.#services = services;
  }

  get busy(): boolean {
    return this.#waiters.size > 0 || this.#claims.size > 0;
  }

  /** Never rejects: an empty answer after `waitMs`, when the caller has gone, or when the queue ends. */
  pull(request: PullRequest): Promise<readonly PulledDelivery[]> {
    this.#home.touch();
    const { promise, resolve } = Promise.withResolvers<readonly PulledDelivery[]>();
    if (request.signal.aborted || this.#home.closed) return Promise.resolve([]);
    const timer = this.#services.clock.after(request.waitMs, () => waiter.answer([]));
    const gone = (): void => waiter.answer([]);
    const waiter: Waiter = {
      request,
      answer: (deliveries) => {
        if (!this.#waiters.delete(waiter)) return;
        timer.cancel();
        request.signal.removeEventListener("abort", gone);
        resolve(deliveries);
      },
    };
    this.#waiters.add(waiter);
    request.signal.addEventListener("abort", gone, { once: true });
    this.#home.wake();
    return promise;
  }

  /** Gives the first one that waits what there is. False: nobody waits, or nothing may be taken. */
  serve(): boolean {
    const [waiter] = this.#waiters;
    if (!waiter || !this.#home.open) return false;
    const messages = this.#home.take(waiter.request.max);
    if (messages.length === 0) return false;
    waiter.answer(messages.map((message) => this.#claim(message, waiter.request.leaseMs)));
    return true;
  }

  /** False: there is no such claim (any more). */
  settle(receipt: string, settlement: Settlement): boolean {
    const claim = this.#claims.get(receipt);
    if (!claim) return false;
    this.#claims.delete(receipt);
    this.#home.settle(claim.message, settlement);
    return true;
  }

  extend(receipt: string, leaseMs: number): boolean {
    const claim = this.#claims.get(receipt);
    if (!claim) return false;
    claim.until = this.#services.clock.monotonic() + leaseMs;
    this.#watch(receipt, claim.until);
    return true;
  }

  /** The queue has ended, or what was in it is lost. */
  dismiss(): void {
    this.#claims.clear();
    this.#lapses.drain();
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
    for (const waiter of [...this.#waiters]) waiter.answer([]);
  }

  #claim(message: Message, leaseMs: number): PulledDelivery {
    const { clock, random } = this.#services;
    const receipt = `${message.queue}-${message.seq}-${random.uuid()}`;
    const until = clock.monotonic() + leaseMs;
    this.#claims.set(receipt, { message, until });
    this.#watch(receipt, until);
    return { ...deliveryOf(message, 0), receipt };
  }

  #watch(receipt: string, at: number): void {
    if (this.#lapses.size >= Math.max(lapsesKept, 2 * this.#claims.size)) {
      this.#lapses.drain(); // mostly of what has been settled
      for (const [live, { until }] of this.#claims) this.#lapses.push({ receipt: live, at: until });
    } else {
      this.#lapses.push({ receipt, at });
    }
    if (at < this.#timerAt) this.#setTimer(at);
  }

  #setTimer(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    const { clock } = this.#services;
    this.#timer = clock.after(Math.max(1, at - clock.monotonic()), () => this.#lapse());
  }

  /** Whose lease has run out goes back. */
  #lapse(): void {
    const now = this.#services.clock.monotonic();
    const lapsed: Message[] = [];
    let next = this.#lapses.peek();
    for (; next && next.at <= now; next = this.#lapses.peek()) {
      this.#lapses.pop();
      const claim = this.#claims.get(next.receipt);
      if (!claim || claim.until > now) continue; // settled, or extended
      this.#claims.delete(next.receipt);
      lapsed.push(claim.message);
    }
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (next) this.#setTimer(next.at);
    if (lapsed.length > 0) this.#home.giveBack(lapsed);
  }
}
