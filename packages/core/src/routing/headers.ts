import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import type { RoutedEvent } from "./route.ts";

type HeaderValue = string | number | boolean;

/**
 * A binding matches by the event's headers: `all` of those that it names have the value that it gives, or `any` of them.
 * Values are equal when type and value are: `"1"` is not `1`. `all` of no headers, or no match at all, is every event;
 * `any` of no headers is none. The key does not count.
 *
 * Bindings are filed under a header and its value: an `any` under each that it names, an `all` under one of them. An event
 * meets only those that share a header with it.
 */
export class HeadersIndex<Binding extends BindingArguments> implements ExchangeIndex<Binding> {
  readonly byKeyAlone = false;
  readonly #byHeader = new Map<string, Map<HeaderValue, Set<Binding>>>();
  readonly #always = new Set<Binding>();

  add(binding: Binding): void {
    if (matchesAlways(binding)) this.#always.add(binding);
    for (const [name, value] of filedUnder(binding)) {
      let byValue = this.#byHeader.get(name);
      if (!byValue) {
        byValue = new Map();
        this.#byHeader.set(name, byValue);
      }
      const bindings = byValue.get(value);
      if (bindings) bindings.add(binding);
      else byValue.set(value, new Set([binding]));
    }
  }

  remove(binding: Binding): void {
    this.#always.delete(binding);
    for (const [name, value] of filedUnder(binding)) {
      const byValue = this.#byHeader.get(name);
      const bindings = byValue?.get(value);
      bindings?.delete(binding);
      if (bindings?.size === 0) byValue?.delete(value);
      if (byValue?.size === 0) this.#byHeader.delete(name);
    }
  }

  match({ headers }: RoutedEvent, visit: (binding: Binding) => void): void {
    this.#always.forEach(visit);
    for (const [name, byValue] of this.#byHeader) {
      // What an object inherits is never equal to a string, a number or a boolean.
      const value = headers[name];
      const bindings = value === undefined ? undefined : byValue.get(value);
      if (!bindings) continue;
      for (const binding of bindings) {
        if (binding.match?.mode === "any" || hasAll(headers, binding)) visit(binding);
      }
    }
  }
}

function matchesAlways({ match }: BindingArguments): boolean {
  return !match || (match.mode === "all" && Object.keys(match.headers).length === 0);
}

function filedUnder({ match }: BindingArguments): readonly (readonly [string, HeaderValue])[] {
  const wanted = Object.entries(match?.headers ?? {});
  return match?.mode === "all" ? wanted.slice(0, 1) : wanted;
}

function hasAll(headers: RoutedEvent["headers"], { match }: BindingArguments): boolean {
  if (!match) return true;
  for (const name in match.headers) {
    if (headers[name] !== match.headers[name]) return false;
  }
  return true;
}
