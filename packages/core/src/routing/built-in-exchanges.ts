import type { ExchangeDefinition } from "../ports/topology-store.ts";

/** Reaches every queue by its name. Cannot be bound. */
export const defaultExchange = "";

/** There from the start: cannot be declared or deleted. The default exchange is `direct`, with a binding for each queue. */
export const builtInExchanges: readonly ExchangeDefinition[] = [
  { name: defaultExchange, type: "direct", alternateExchange: undefined },
  { name: "amq.direct", type: "direct", alternateExchange: undefined },
  { name: "amq.fanout", type: "fanout", alternateExchange: undefined },
  { name: "amq.headers", type: "headers", alternateExchange: undefined },
  { name: "amq.topic", type: "topic", alternateExchange: undefined },
];

export function isBuiltInExchange(name: string): boolean {
  return builtInExchanges.some((exchange) => exchange.name === name);
}
