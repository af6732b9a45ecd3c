import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import type { RoutedEvent } from "./route.ts";

/** Every binding matches. */
export class FanoutIndex<Binding extends BindingArguments> implements ExchangeIndex<Binding> {
  readonly byKeyAlone = true;
  readonly #bindings = new Set<Binding>();

  add(binding: Binding): void {
    this.#bindings.add(binding);
  }

  remove(binding: Binding): void {
    this.#bindings.delete(binding);
  }

  match(_event: RoutedEvent, visit: (binding: Binding) => void): void {
    this.#bindings.forEach(visit);
  }
}
