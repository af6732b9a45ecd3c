import type { BindingDefinition } from "@switchyard/core";
import { z } from "zod";
import { type ApiKey, type ApiScope, hasScopeFor, requireScope } from "../../auth/api-key.ts";
import { type ApiRoute, apiRoute, jsonBody, jsonOf, noContent } from "./api-route.ts";
import { bindingBody, bindingDefinition, bindingJson } from "./definitions.ts";
import { exchangeNamed, name } from "./members.ts";

const tag = "Bindings";

const example = {
  exchange: "orders",
  key: "order.*",
  destination: { type: "queue", name: "packing" },
  durable: true,
} as const;

/** Both ends: an event that comes in at one leaves at the other. */
export function namesOf(binding: BindingDefinition): [source: string, destination: string] {
  const { exchange, destination } = bindingJson(binding);
  return [exchange, destination.name];
}

export function mayRead(key: ApiKey, binding: BindingDefinition): boolean {
  const scope: ApiScope = "read";
  return namesOf(binding).every((end) => hasScopeFor(key, scope, end));
}

export const bindingRoutes: readonly ApiRoute[] = [
  apiRoute({
    verb: "GET",
    path: "/v1/bindings",
    id: "listBindings",
    tag,
    summary: "All bindings, or those of an exchange or a queue",
    scope: "read",
    query: z.strictObject({
      exchange: name.optional().describe("Their source."),
      queue: name.optional().describe("Their destination."),
    }),
    answers: {
      200: {
        description: "Those that the key may read.",
        schema: z.strictObject({ bindings: z.array(bindingBody) }),
        example: { bindings: [example] },
      },
    },
    run: ({ broker, key, query }) => {
      const source = query.exchange === undefined ? undefined : exchangeNamed(query.exchange);
      const bindings = broker.bindings().filter((binding) => {
        const { exchange, destination } = binding;
        if (source !== undefined && exchange !== source) return false;
        const leadsThere = destination.type === "queue" && destination.name === query.queue;
        return (query.queue === undefined || leadsThere) && mayRead(key, binding);
      });
      return jsonOf({ bindings: bindings.map(bindingJson) });
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/bindings",
    id: "bind",
    tag,
    summary: "Bind an exchange to a queue, a channel or another exchange",
    description: "Idempotent.",
    scope: "topology",
    body: jsonBody(bindingBody, example),
    answers: {
      200: { description: "It was there.", schema: bindingBody, example },
      201: { description: "It was made.", schema: bindingBody, example },
    },
    failures: [404, 409, 503],
    run: async ({ broker, body, key }) => {
      const binding = bindingDefinition(body);
      requireScope(key, "topology", namesOf(binding));
      return jsonOf(bindingJson(binding), (await broker.bind(binding)) ? 201 : 200);
    },
  }),
  apiRoute({
    verb: "DELETE",
    path: "/v1/bindings",
    id: "unbind",
    tag,
    summary: "Remove a binding",
    description: "The body names it as it was made: exchange, key, match and destination.",
    scope: "topology",
    body: jsonBody(bindingBody, example),
    answers: { 204: { description: "It is gone.", schema: undefined } },
    failures: [404, 503],
    run: async ({ broker, body, key }) => {
      const binding = bindingDefinition(body);
      requireScope(key, "topology", namesOf(binding));
      await broker.unbind(binding);
      return noContent;
    },
  }),
];
