import type { Timer } from "../ports/clock.ts";
import type { QueueHome } from "./queue-home.ts";
import type { QueueServices } from "./queue-services.ts";

/** A queue that could not be deleted is asked again. */
const unusedAgainMs = 10_000;
/** Longest wait of a timer. */
const timerBoundMs = 2 ** 30;

/** Watches whether an auto-delete or expiring queue is used, and says when it is not any more. */
export class UseWatch {
  readonly #home: QueueHome;
  readonly #services: QueueServices;
  /** Monotonic milliseconds. */
  #usedAt: number;
  #hadConsumer = false;
  #timer: Timer | undefined;

  constructor(home: QueueHome, services: QueueServices) {
    this.#home = home;
    this.#services = services;
    this.#usedAt = services.clock.monotonic();
    if (home.definition.expiresMs !== undefined) this.#look();
  }

  /** Whether the queue may go. */
  get unused(): boolean {
    const { closed, consumers, definition, pulls } = this.#home;
    if (consumers > 0 || closed) return false;
    if (definition.autoDelete && this.#hadConsumer) return true;
    return !pulls.busy && this.#lifeLeftMs <= 0;
  }

  /** The queue is in use: an expiry counts from now. */
  touch(): void {
    this.#usedAt = this.#services.clock.monotonic();
  }

  consumerAdded(): void {
    this.#hadConsumer = true;
    this.touch();
  }

  consumerCancelled(): void {
    this.touch();
    const { closed, consumers, definition } = this.#home;
    if (consumers === 0 && definition.autoDelete && !closed) this.#services.unused(this.#home);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  get #lifeLeftMs(): number {
    const { expiresMs = Infinity } = this.#home.definition;
    return this.#usedAt + expiresMs - this.#services.clock.monotonic();
  }

  readonly #look = (): void => {
    if (this.#home.closed) return;
    if (this.#home.consumers > 0 || this.#home.pulls.busy) this.touch();
    if (this.#lifeLeftMs <= 0) this.#services.unused(this.#home);
    const inMs = this.#lifeLeftMs > 0 ? this.#lifeLeftMs : unusedAgainMs;
    this.#timer = this.#services.clock.after(Math.min(inMs, timerBoundMs), this.#look);
  };
}
