import type { ChannelTarget, Route, RoutedEvent } from "./route.ts";
import type { ExchangeNode, RoutingBinding } from "./routing-graph.ts";

const nobody: readonly never[] = [];
const nowhere: Route = { queues: nobody, channels: nobody };
const noEvent: RoutedEvent = { exchange: "", key: "", headers: {} };

/**
 * Follows an event through exchanges. Every exchange and every queue is visited once per event, which cuts cycles and
 * leaves one copy per queue. What a search needs is kept for the next one: it allocates its result alone.
 */
export class RouteFinder {
  readonly #findExchange: (name: string) => ExchangeNode | undefined;
  readonly #pending: ExchangeNode[] = [];
  /** Name and whether one of the bindings that lead there is durable. */
  readonly #channels = new Map<string, boolean>();
  #event = noEvent;
  #search = 0;
  #queues: string[] | undefined;
  /** Whether the exchange that is looked at has a binding that takes the event. */
  #taken = false;
  #byKeyAlone = true;

  /** `findExchange` is asked for alternate exchanges. */
  constructor(findExchange: (name: string) => ExchangeNode | undefined) {
    this.#findExchange = findExchange;
  }

  /** Of the last search: every event with the same exchange and key has the same route. */
  get byKeyAlone(): boolean {
    return this.#byKeyAlone;
  }

  find(start: ExchangeNode, event: RoutedEvent): Route {
    this.#event = event;
    this.#search += 1;
    this.#queues = undefined;
    this.#byKeyAlone = true;
    this.#visitExchange(start);
    // Not recursive, so that no chain of exchanges is too long.
    for (let next = this.#pending.pop(); next; next = this.#pending.pop()) this.#leave(next);
    this.#event = noEvent;
    return this.#result();
  }

  #leave(exchange: ExchangeNode): void {
    const { index, definition } = exchange;
    this.#taken = false;
    if (index) {
      if (!index.byKeyAlone && exchange.outgoing.size > 0) this.#byKeyAlone = false;
      index.match(this.#event, this.#follow);
    }
    if (this.#taken || definition.alternateExchange === undefined) return;
    const alternate = this.#findExchange(definition.alternateExchange);
    if (alternate) this.#visitExchange(alternate);
  }

  readonly #follow = ({ target }: RoutingBinding): void => {
    switch (target.type) {
      case "queue":
        this.#taken = true;
        if (target.node.visitedBy === this.#search) return;
        target.node.visitedBy = this.#search;
        (this.#queues ??= []).push(target.node.definition.name);
        return;
      case "exchange":
        this.#taken = true;
        this.#visitExchange(target.node);
        return;
      case "channel": {
        if (!target.template) return;
        if (!target.template.byKeyAlone) this.#byKeyAlone = false;
        const name = target.template.nameFor(this.#event);
        if (name === undefined) return;
        this.#taken = true;
        if (target.durable || !this.#channels.has(name)) this.#channels.set(name, target.durable);
      }
    }
  };

  #visitExchange(exchange: ExchangeNode): void {
    if (exchange.visitedBy === this.#search) return;
    exchange.visitedBy = this.#search;
    this.#pending.push(exchange);
  }

  #result(): Route {
    if (this.#channels.size === 0) {
      return this.#queues ? { queues: this.#queues, channels: nobody } : nowhere;
    }
    const channels: ChannelTarget[] = [];
    for (const [channel, durable] of this.#channels) channels.push({ channel, durable });
    this.#channels.clear();
    return { queues: this.#queues ?? nobody, channels };
  }
}
