import type { GivenId } from "../ports/queue-store.ts";
import type { PendingEvent } from "./pending-event.ts";

/** Ids chosen by publishers whose first event is on its way into the store: a second one waits for what comes of it. */
export class GivenIds {
  readonly #underWay = new Map<string, PendingEvent>();

  get(exchange: string, publisher: string, id: string): PendingEvent | undefined {
    return this.#underWay.size === 0
      ? undefined
      : this.#underWay.get(scopeOf(exchange, publisher, id));
  }

  /** Until its batch is done. */
  add({ exchange, publisher, id }: GivenId, pending: PendingEvent): void {
    const scope = scopeOf(exchange, publisher, id);
    this.#underWay.set(scope, pending);
    void pending.batch.done.then(() => this.#underWay.delete(scope));
  }
}

export function scopeOf(exchange: string, publisher: string, id: string): string {
  return JSON.stringify([exchange, publisher, id]);
}
