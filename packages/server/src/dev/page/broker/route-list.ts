import { createElement, elementById, setText } from "../element.ts";
import {
  bindingText,
  type BindingState,
  type BrokerState,
  defaultExchange,
} from "./broker-state.ts";
import { createKeyedRows, type Row } from "./keyed-rows.ts";
import { countOf } from "./words.ts";

/** Rows that are shown; the search finds the others. */
const mostRows = 300;

/** The same as the picture in words, to be searched. */
export function createRouteList(): (state: BrokerState) => void {
  const search = elementById("route-search", HTMLInputElement);
  const list = elementById("route-list", HTMLElement);
  const none = elementById("route-list-none", HTMLElement);
  let all: readonly ListedRoute[] = [];
  const showRows = createKeyedRows<ListedRoute>(list, ({ id }) => id, createRow);

  const show = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const found = all.filter(({ text }) => text.includes(wanted));
    showRows(found.slice(0, mostRows));
    none.hidden = found.length > 0 && found.length <= mostRows;
    setText(
      none,
      found.length === 0
        ? "Nothing has that in its name or key."
        : `The first ${mostRows} of ${countOf(found.length, "route")}. Search for the others.`,
    );
  };
  search.addEventListener("input", show);
  return (state) => {
    all = routesOf(state);
    show();
  };
}

interface ListedRoute {
  readonly id: string;
  /** What the search looks at. */
  readonly text: string;
  readonly from: string;
  readonly fromKind: string;
  readonly key: string;
  readonly to: string;
  readonly toKind: string;
}

function routesOf({ exchanges, queues, bindings }: BrokerState): readonly ListedRoute[] {
  const types = new Map(exchanges.map(({ name, type }) => [name, type]));
  const route = (parts: Omit<ListedRoute, "id" | "text">): ListedRoute => ({
    ...parts,
    id: JSON.stringify(Object.values(parts)),
    text: `${parts.from}\n${parts.key}\n${parts.to}`.toLowerCase(),
  });
  const bound = bindings.map((binding: BindingState) =>
    route({
      from: binding.exchange,
      fromKind: `${types.get(binding.exchange) ?? ""} exchange`,
      key: bindingText(binding),
      to: binding.destination.name,
      toKind: binding.destination.type,
    }),
  );
  const alternates = exchanges.flatMap(({ name, type, alternate_exchange: to }) =>
    to === undefined
      ? []
      : [route({ from: name, fromKind: `${type} exchange`, key: "else", to, toKind: "exchange" })],
  );
  const reached = new Set(
    bindings.flatMap(({ destination: { type, name } }) => (type === "queue" ? [name] : [])),
  );
  const byName = queues
    .filter(({ name }) => !reached.has(name))
    .map(({ name }) =>
      route({
        from: defaultExchange,
        fromKind: "direct exchange",
        key: name,
        to: name,
        toKind: "queue",
      }),
    );
  return [...bound, ...alternates, ...byName].toSorted((a, b) =>
    a.text < b.text ? -1 : a.text > b.text ? 1 : 0,
  );
}

function createRow({ from, fromKind, key, to, toKind }: ListedRoute): Row<ListedRoute> {
  const element = createElement("li", "route");
  element.append(
    end("route-from", from, fromKind),
    createElement("code", "route-key", key === "" ? "any" : key),
    end("route-to", to, toKind),
  );
  // A route is named by all that is shown of it, so it never changes.
  return { element, update: () => {} };
}

function end(className: string, name: string, kind: string): HTMLElement {
  const element = createElement("span", className);
  element.append(createElement("span", "route-name", name), createElement("span", "note", kind));
  return element;
}
