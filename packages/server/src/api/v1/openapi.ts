import { z } from "zod";
import type { ApiRoute } from "./api-route.ts";
import { errorSchema } from "./error-answer.ts";
import { name } from "./members.ts";

/** Where the document itself is. */
export const documentPath = "/v1/openapi.json";

/** HTTP statuses of errors, with what they mean here. */
const failures: Readonly<Record<number, string>> = {
  400: "The request cannot be right; `field` names what is wrong.",
  401: "No key, or a wrong one.",
  403: "The key lacks the scope.",
  404: "There is no such exchange, queue or binding.",
  409: "Declared with other properties, a condition that does not hold, or somebody else's exclusive queue.",
  413: "The body is too large (`api.body_bytes`).",
  429: "A queue is full, or too much is in flight: try again later.",
  500: "Something failed inside.",
  503: "The database is away, or the server is shutting down: try again later. What was asked for may still have happened.",
};
const always = [400, 401, 403, 500, 503];

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of `routes`. Made of the declarations that the server runs by. */
export function openApiDocument(routes: readonly ApiRoute[], version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes)
    (paths[route.path] ??= {})[route.verb.toLowerCase()] = operation(route);
  paths[documentPath] = { get: documentOperation };
  return {
    openapi: "3.1.0",
    info: {
      title: "Switchyard",
      version,
      description: "Exchanges, queues and bindings of the broker, publishing and consuming.",
    },
    tags: [...new Set(routes.map(({ tag }) => tag)), documentTag].map((tag) => ({ name: tag })),
    security: [{ key: [] }, { authorization: [] }, { query: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: "apiKey", in: "header", name: "X-API-Key" },
        authorization: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: "`apikey KEY`",
        },
        query: { type: "apiKey", in: "query", name: "api_key" },
      },
      schemas: { Error: answerSchema(errorSchema) },
      responses: Object.fromEntries(
        Object.entries(failures).map(([status, description]) => [
          failureName(status),
          { description, content: content({ $ref: "#/components/schemas/Error" }) },
        ]),
      ),
    },
  };
}

function operation(route: ApiRoute): Json {
  const { id, tag, summary, description, scope, body, answers } = route;
  const needed = scope === undefined ? "Needs any API key." : `Needs the scope \`${scope}\`.`;
  const statuses = [...always, ...route.failures, ...(body ? [413] : [])];
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: description === undefined ? needed : `${description} ${needed}`,
    ...(scope !== undefined && { "x-scope": scope }),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(body && {
      requestBody: {
        // An empty body stands for `{}`.
        required: !body.schema.safeParse({}).success,
        content: content(requestSchema(body.schema), body.example),
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          {
            description: answer.description,
            ...(answer.schema && { content: content(answerSchema(answer.schema), answer.example) }),
          },
        ]),
      ),
      ...Object.fromEntries(
        [...new Set(statuses)].map((status) => [
          status,
          { $ref: `#/components/responses/${failureName(status)}` },
        ]),
      ),
    },
  };
}

const documentTag = "Document";
const documentOperation = {
  operationId: "getDocument",
  tags: [documentTag],
  summary: "This document",
  description: "Needs any API key; in development mode none.",
  responses: {
    200: { description: "OpenAPI 3.1.", content: content({ type: "object" }) },
    401: { $ref: `#/components/responses/${failureName(401)}` },
  },
};

function failureName(status: number | string): string {
  return `Failure${status}`;
}

function content(schema: Json, example?: unknown): Json {
  return { "application/json": { schema, ...(example !== undefined && { example }) } };
}

function pathParameters(path: string): Json[] {
  if (!path.includes("{name}")) return [];
  const description = path.startsWith("/v1/exchanges")
    ? "Of the exchange, percent-encoded; `amq.default` is the default exchange."
    : "Of the queue, percent-encoded.";
  return [{ name: "name", in: "path", required: true, description, schema: requestSchema(name) }];
}

function queryParameters(query: z.ZodObject): Json[] {
  const { properties = {} } = z.toJSONSchema(query, { io: "output" });
  return Object.entries(properties).map(([member, schema]) => ({
    name: member,
    in: "query",
    required: false,
    schema,
  }));
}

function requestSchema(schema: z.ZodType): Json {
  return withoutDialect(z.toJSONSchema(schema, { io: "input" }));
}

/** Whoever reads answers must bear members that come with later versions. */
function answerSchema(schema: z.ZodType): Json {
  return withoutDialect(
    z.toJSONSchema(schema, {
      io: "input",
      override: ({ jsonSchema }) => {
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    }),
  );
}

/** The dialect of OpenAPI 3.1 is the one that zod writes; it need not be told at every place. */
function withoutDialect(schema: z.core.JSONSchema.BaseSchema): Json {
  delete schema.$schema;
  return schema;
}
