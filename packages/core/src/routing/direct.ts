import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import type { RoutedEvent } from "./route.ts";

/** A binding matches when its key is the event's. */
export class DirectIndex<Binding extends BindingArguments> implements ExchangeIndex<Binding> {
  readonly byKeyAlone = true;
  readonly #byKey = new Map<string, Set<Binding>>();

  add(binding: Binding): void {
    const bindings = this.#byKey.get(binding.key);
    if (bindings) bindings.add(binding);
    else this.#byKey.set(binding.key, new Set([binding]));
  }

  remove(binding: Binding): void {
    const bindings = this.#byKey.get(binding.key);
    bindings?.delete(binding);
    if (bindings?.size === 0) this.#byKey.delete(binding.key);
  }

  match(event: RoutedEvent, visit: (binding: Binding) => void): void {
    this.#byKey.get(event.key)?.forEach(visit);
  }
}
