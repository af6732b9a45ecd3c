import type { Insert } from "./batch.ts";

/** Ids chosen by publishers whose first event is on its way into the store: a second one waits for what comes of it. */
export class GivenIds {
  readonly #underWay = new Map<string, Insert>();

  get(exchange: string, publisher: string, id: string): Insert | undefined {
    return this.#underWay.get(scopeOf(exchange, publisher, id));
  }

  /** Until `done` fulfils. */
  add(exchange: string, publisher: string, id: string, insert: Insert, done: Promise<void>): void {
    const scope = scopeOf(exchange, publisher, id);
    this.#underWay.set(scope, insert);
    void done.then(() => {
      if (this.#underWay.get(scope) === insert) this.#underWay.delete(scope);
    });
  }
}

export function scopeOf(exchange: string, publisher: string, id: string): string {
  return JSON.stringify([exchange, publisher, id]);
}
