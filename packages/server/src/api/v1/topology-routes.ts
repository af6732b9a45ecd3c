import type { TopologyDocument } from "@switchyard/core";
import { z } from "zod";
import { hasScopeFor, requireScope } from "../../auth/api-key.ts";
import { type ApiRoute, apiRoute, jsonBody, jsonOf } from "./api-route.ts";
import { mayRead, namesOf } from "./binding-routes.ts";
import {
  bindingDefinition,
  bindingJson,
  exchangeDefinition,
  exchangeJson,
  queueDefinition,
  queueJson,
  topologyBody,
} from "./definitions.ts";
import { exchangeNamed, shownExchange } from "./members.ts";

const tag = "Topology";

const example = {
  exchanges: [{ name: "orders", type: "topic" }],
  queues: [{ name: "packing" }],
  bindings: [
    { exchange: "orders", key: "order.*", destination: { type: "queue", name: "packing" } },
  ],
} satisfies z.input<typeof topologyBody>;

function topologyJson(topology: TopologyDocument): z.input<typeof topologyBody> {
  return {
    exchanges: topology.exchanges.map(exchangeJson),
    queues: topology.queues.map(queueJson),
    bindings: topology.bindings.map(bindingJson),
  };
}

function topologyDocument(body: z.output<typeof topologyBody>): TopologyDocument {
  return {
    exchanges: body.exchanges.map(({ name, ...members }) =>
      exchangeDefinition(exchangeNamed(name), members),
    ),
    queues: body.queues.map(({ name, ...members }) => queueDefinition(name, members)),
    bindings: body.bindings.map(bindingDefinition),
  };
}

/** Every exchange, queue and channel that is declared, bound or passed on to. */
function namesIn({ exchanges, queues, bindings }: TopologyDocument): string[] {
  return [
    ...exchanges.flatMap(({ name, alternateExchange }) => [name, alternateExchange]),
    ...queues.flatMap(({ name, deadLetterExchange }) => [name, deadLetterExchange]),
    ...bindings.flatMap(namesOf),
  ].flatMap((name) => (name === undefined ? [] : [shownExchange(name)]));
}

export const topologyRoutes: readonly ApiRoute[] = [
  apiRoute({
    verb: "GET",
    path: "/v1/topology",
    id: "exportTopology",
    tag,
    summary: "Exchanges, queues and bindings as one document",
    description: "Without what is predeclared or exclusive.",
    scope: "read",
    answers: {
      200: { description: "What the key may read.", schema: topologyBody, example },
    },
    run: ({ broker, key }) => {
      const { exchanges, queues, bindings } = broker.exportTopology();
      return jsonOf(
        topologyJson({
          exchanges: exchanges.filter(({ name }) => hasScopeFor(key, "read", shownExchange(name))),
          queues: queues.filter(({ name }) => hasScopeFor(key, "read", name)),
          bindings: bindings.filter((binding) => mayRead(key, binding)),
        }),
      );
    },
  }),
  apiRoute({
    verb: "POST",
    path: "/v1/topology",
    id: "importTopology",
    tag,
    summary: "Declare all that is missing of a document",
    description:
      "Additive. When anything that is there differs, nothing changes: 409, naming all that does.",
    scope: "topology",
    body: jsonBody(topologyBody, example),
    answers: {
      200: {
        description: "So many were declared.",
        schema: z.strictObject({ exchanges: z.int(), queues: z.int(), bindings: z.int() }),
        example: { exchanges: 1, queues: 1, bindings: 1 },
      },
    },
    failures: [404, 409, 503],
    run: async ({ broker, body, key }) => {
      const topology = topologyDocument(body);
      requireScope(key, "topology", namesIn(topology));
      const { exchanges, queues, bindings } = await broker.importTopology(topology);
      return jsonOf({ exchanges, queues, bindings });
    },
  }),
];
