import { delayedLane } from "../ports/queue-store.ts";
import type { QueueDefinition } from "../ports/topology-store.ts";
import type { Burials } from "./burials.ts";
import type { Message } from "./message.ts";
import type { Moves } from "./moves.ts";
import type { QueueServices } from "./queue-services.ts";
import type { ReadyLanes } from "./ready-lanes.ts";
import { retryDelayMs } from "./retry-delay.ts";

interface FailedAttemptsOptions {
  readonly definition: QueueDefinition;
  readonly lanes: ReadyLanes;
  readonly burials: Burials;
  readonly moves: Moves;
  readonly services: QueueServices;
}

/** What becomes of deliveries that are not acknowledged: ready again, now or later, or dead when that was the last one. */
export class FailedAttempts {
  readonly #definition: QueueDefinition;
  readonly #lanes: ReadyLanes;
  readonly #burials: Burials;
  readonly #moves: Moves;
  readonly #services: QueueServices;

  constructor({ definition, lanes, burials, moves, services }: FailedAttemptsOptions) {
    this.#definition = definition;
    this.#lanes = lanes;
    this.#burials = burials;
    this.#moves = moves;
    this.#services = services;
  }

  /** A consumer gives it up. @param delayMs undefined: what the queue's retry policy says. */
  failed(message: Message, delayMs: number | undefined): void {
    message.attempts += 1;
    if (this.#isSpent(message)) return this.#burials.bury(message, "attempts");
    const { retry } = this.#definition;
    const wait =
      delayMs ?? (retry ? retryDelayMs(retry, message.attempts, this.#services.random) : 0);
    if (wait > 0) return this.#delay(message, wait);
    this.#services.commit.open().attempted(message);
    this.#readyAgain(message);
  }

  /** Who had it is gone: ready at once and in its old place. */
  abandoned(message: Message): void {
    const { commit, draining, plantedBug } = this.#services;
    // Control of the checker: what was not settled is lost.
    if (plantedBug === "loseUnsettled") return commit.open().delete(message);
    // Nobody has failed when this node stops: a later incarnation flags it, and does not count it.
    if (draining()) return this.#readyAgain(message);
    message.attempts += 1;
    if (this.#isSpent(message)) return this.#burials.bury(message, "attempts");
    commit.open().attempted(message);
    this.#readyAgain(message);
  }

  #isSpent(message: Message): boolean {
    const { maxAttempts } = this.#definition;
    return maxAttempts !== undefined && message.attempts >= maxAttempts;
  }

  #delay(message: Message, delayMs: number): void {
    message.redelivered = true;
    message.deliverAt = this.#services.storeClock.now() + Math.ceil(delayMs);
    this.#moves.begin(message, delayedLane);
  }

  #readyAgain(message: Message): void {
    message.redelivered = true;
    this.#lanes.giveBack(message);
  }
}
