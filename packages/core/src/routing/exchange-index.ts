import type { HeaderMatch } from "../ports/topology-store.ts";
import type { RoutedEvent } from "./route.ts";

/** What an exchange's type looks at in a binding. */
export interface BindingArguments {
  readonly key: string;
  readonly match: HeaderMatch | undefined;
}

/**
 * The bindings of one exchange, ordered so that those which match an event are found fast. One implementation per type
 * of exchange (`exchange-types.ts`). Bindings are told apart by identity, not by what is in them.
 */
export interface ExchangeIndex<Binding extends BindingArguments> {
  /** Which bindings match depends on nothing but the event's key, so that the answer may be kept for the next such event. */
  readonly byKeyAlone: boolean;
  add(binding: Binding): void;
  /** As it was added. Nothing happens when it was not. */
  remove(binding: Binding): void;
  /** Calls `visit` for every binding that matches, in no certain order, possibly twice. `visit` must not call the index. */
  match(event: RoutedEvent, visit: (binding: Binding) => void): void;
}
