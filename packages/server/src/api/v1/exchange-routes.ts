import { type ExchangeDescription, SwitchyardError } from "@switchyard/core";
import { z } from "zod";
import { hasScopeFor, requireScope } from "../../auth/api-key.ts";
import { type ApiRoute, apiRoute, jsonBody, jsonOf, noContent } from "./api-route.ts";
import { exchangeBody, exchangeDefinition, exchangeJson, namedExchange } from "./definitions.ts";
import { exchangeNamed, querySwitch, shownExchange } from "./members.ts";
import { publishRoute } from "./publish-route.ts";

const tag = "Exchanges";

const description = z.strictObject({
  ...namedExchange.shape,
  built_in: z.boolean().describe("Predeclared: cannot be deleted."),
  published: z.int().describe("Events since the start of this node."),
  unroutable: z.int().describe("Of those, how many nothing took."),
});

function descriptionJson(exchange: ExchangeDescription): z.input<typeof description> {
  const { builtIn, published, unroutable } = exchange;
  return { ...exchangeJson(exchange), built_in: builtIn, published, unroutable };
}

const declared = { name: "orders", type: "topic", alternate_exchange: "unmatched" };
const described = { ...declared, built_in: false, published: 12, unroutable: 0 };

export const exchangeRoutes: readonly ApiRoute[] = [
  publishRoute,
  apiRoute({
    verb: "GET",
    path: "/v1/exchanges",
    id: "listExchanges",
    tag,
    summary: "All exchanges",
    scope: "read",
    answers: {
      200: {
        description: "Those that the key may read.",
        schema: z.strictObject({ exchanges: z.array(description) }),
        example: { exchanges: [described] },
      },
    },
    run: ({ broker, key }) =>
      jsonOf({
        exchanges: broker
          .exchanges()
          .filter(({ name }) => hasScopeFor(key, "read", shownExchange(name)))
          .map(descriptionJson),
      }),
  }),
  apiRoute({
    verb: "GET",
    path: "/v1/exchanges/{name}",
    id: "getExchange",
    tag,
    summary: "One exchange",
    scope: "read",
    answers: { 200: { description: "It.", schema: description, example: described } },
    failures: [404],
    run: ({ broker, name }) => {
      const real = exchangeNamed(name);
      const found = broker.exchanges().find((exchange) => exchange.name === real);
      if (found === undefined)
        throw new SwitchyardError("notFound", { field: "name", detail: `no exchange "${name}"` });
      return jsonOf(descriptionJson(found));
    },
  }),
  apiRoute({
    verb: "PUT",
    path: "/v1/exchanges/{name}",
    id: "declareExchange",
    tag,
    summary: "Declare an exchange",
    description: "Idempotent. With other properties than it has: 409, naming what differs.",
    scope: "topology",
    body: jsonBody(exchangeBody, { type: "topic", alternate_exchange: "unmatched" }),
    answers: {
      200: { description: "It was there.", schema: namedExchange, example: declared },
      201: { description: "It was declared.", schema: namedExchange, example: declared },
    },
    failures: [404, 409, 503],
    run: async ({ broker, name, body, key }) => {
      // What the exchange passes on goes there with its own rights, so the key must have them too.
      if (body.alternate_exchange !== undefined)
        requireScope(key, "topology", [body.alternate_exchange]);
      const exchange = exchangeDefinition(exchangeNamed(name), body);
      const isNew = await broker.declareExchange(exchange);
      return jsonOf(exchangeJson(exchange), isNew ? 201 : 200);
    },
  }),
  apiRoute({
    verb: "DELETE",
    path: "/v1/exchanges/{name}",
    id: "deleteExchange",
    tag,
    summary: "Delete an exchange with its bindings",
    scope: "topology",
    query: z.strictObject({ if_unused: querySwitch().describe("Only without bindings.") }),
    answers: { 204: { description: "It is gone.", schema: undefined } },
    failures: [404, 409, 503],
    run: async ({ broker, name, query }) => {
      await broker.deleteExchange(exchangeNamed(name), { ifUnused: query.if_unused });
      return noContent;
    },
  }),
];
