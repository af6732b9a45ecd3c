import type { GivenId } from "../ports/queue-store.ts";
import type { Batch } from "./batch.ts";
import type { PendingEvent } from "./pending-event.ts";

/** Ids chosen by publishers whose first event is on its way into the store: a second one waits for what comes of it. */
export class GivenIds {
  readonly #underWay = new Map<string, PendingEvent>();

  readonly #scopesOf = new Map<Batch, string[]>();

  get(exchange: string, publisher: string, id: string): PendingEvent | undefined {
    return this.#underWay.size === 0
      ? undefined
      : this.#underWay.get(scopeOf(exchange, publisher, id));
  }

  /** Until its batch is done. */
  add({ exchange, publisher, id }: GivenId, pending: PendingEvent): void {
    const scope = scopeOf(exchange, publisher, id);
    this.#underWay.set(scope, pending);
    const { batch } = pending;
    const scopes = this.#scopesOf.get(batch) ?? [];
    if (scopes.push(scope) > 1) return;
    this.#scopesOf.set(batch, scopes);
    void batch.done.then(() => {
      this.#scopesOf.delete(batch);
      for (const known of scopes) this.#underWay.delete(known);
    });
  }
}

/** One text for the three, no two alike. */
export function scopeOf(exchange: string, publisher: string, id: string): string {
  return `${exchange.length}.${publisher.length}.${exchange}${publisher}${id}`;
}
