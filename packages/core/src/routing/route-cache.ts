import type { Route } from "./route.ts";

/** Characters. With it the weight bounds the memory too. */
const longestKey = 256;

type Routes = Map<string, Map<string, Route>>;

/**
 * Routes by exchange and key. Bounded by weight, 1 and one more per destination, so that exchanges with very many
 * destinations do not fill the memory. Two generations: when the young one has half of the weight, the old one is
 * forgotten and the young one is old; what is asked for again is young again. No work per entry to find the least used.
 */
export class RouteCache {
  readonly #halfWeight: number;
  #young: Routes = new Map();
  #youngWeight = 0;
  #old: Routes = new Map();

  /** @param maxWeight 0: keeps nothing. */
  constructor(maxWeight: number) {
    this.#halfWeight = Math.floor(maxWeight / 2);
  }

  get(exchange: string, key: string): Route | undefined {
    const young = this.#young.get(exchange)?.get(key);
    if (young) return young;
    const old = this.#old.get(exchange)?.get(key);
    if (old) this.set(exchange, key, old);
    return old;
  }

  /** What is not in there yet. A very long key or a very heavy route is not kept. */
  set(exchange: string, key: string, route: Route): void {
    const weight = 1 + route.queues.length + route.channels.length;
    if (weight > this.#halfWeight || key.length > longestKey) return;
    if (this.#youngWeight + weight > this.#halfWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#youngWeight += weight;
    const routes = this.#young.get(exchange);
    if (routes) routes.set(key, route);
    else this.#young.set(exchange, new Map([[key, route]]));
  }

  clear(): void {
    if (this.#youngWeight === 0 && this.#old.size === 0) return;
    this.#young = new Map();
    this.#youngWeight = 0;
    this.#old = new Map();
  }
}
