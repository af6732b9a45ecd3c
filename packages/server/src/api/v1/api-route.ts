import type { BrokerOperations, Log } from "@switchyard/core";
import { z } from "zod";
import type { ApiKey, ApiScope } from "../../auth/api-key.ts";
import { readMembers, readQuery } from "./read-members.ts";

export type Verb = "GET" | "PUT" | "POST" | "DELETE";

/** What a route works with. */
export interface RouteCall<Query, Body> {
  readonly broker: BrokerOperations;
  readonly log: Log;
  readonly requestId: string;
  /** `{name}` of the path, decoded; the default exchange as it is in the path, `amq.default`. "" where the path has none. */
  readonly name: string;
  readonly query: Query;
  readonly body: Body;
  readonly key: ApiKey;
  /** The client has gone. */
  readonly signal: AbortSignal;
}

export interface RouteAnswer {
  readonly status: number;
  /** undefined: no content. */
  readonly json: string | undefined;
}

/** An answer as the document describes it. */
export interface AnswerSpec {
  readonly description: string;
  /** undefined: no content. */
  readonly schema: z.ZodType | undefined;
  readonly example?: unknown;
}

/** A body of type JSON. */
export interface BodySpec<Body> {
  readonly schema: z.ZodType;
  readonly example: unknown;
  /** Throws `badRequest` with the field, for exactly that which `schema` refuses. `name` as in `RouteCall`. */
  readonly read: (text: string, name: string) => Body;
}

/** One operation of the HTTP API: what the server does and what the OpenAPI document says come from here. */
export interface ApiRoute {
  readonly verb: Verb;
  /** Such as /v1/queues/{name}/pull. */
  readonly path: string;
  /** `operationId` of the document. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string | undefined;
  /** Checked before the body is read, for the name in the path where it has one. undefined: any key. */
  readonly scope: ApiScope | undefined;
  readonly query: z.ZodObject;
  readonly body: BodySpec<unknown> | undefined;
  readonly answers: Readonly<Record<number, AnswerSpec>>;
  /** HTTP statuses of errors besides those that every route may answer. */
  readonly failures: readonly number[];
  /** Reads what came and starts to answer. Throws `badRequest` for what cannot be right. */
  readonly run: (
    given: GivenRequest,
    call: Omit<RouteCall<unknown, unknown>, "query" | "body">,
  ) => Promise<RouteAnswer>;
}

/** What is still to be read. */
export interface GivenRequest {
  readonly query: URLSearchParams;
  /** "" where the route takes none. */
  readonly text: string;
}

interface RouteSpec<Query extends z.ZodObject, Body> extends Omit<
  ApiRoute,
  "query" | "body" | "run" | "description" | "failures"
> {
  readonly description?: string;
  readonly query?: Query;
  readonly body?: BodySpec<Body>;
  readonly failures?: readonly number[];
  readonly run: (call: RouteCall<z.output<Query>, Body>) => RouteAnswer | Promise<RouteAnswer>;
}

const noQuery = z.strictObject({});

export function apiRoute<Query extends z.ZodObject = typeof noQuery, Body = undefined>(
  spec: RouteSpec<Query, Body>,
): ApiRoute {
  const { run, query, body, description, failures = [], ...rest } = spec;
  return {
    ...rest,
    description,
    failures,
    query: query ?? noQuery,
    body,
    run: async (given, call) =>
      run({
        ...call,
        // Without a schema `Query` is that of `noQuery`, and without a body `Body` is undefined.
        query: readQuery(query ?? noQuery, given.query) as z.output<Query>,
        body: body?.read(given.text, call.name) as Body,
      }),
  };
}

/** A body that is small enough to be read by its schema. An empty one stands for `{}`. */
export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
  example: z.input<Schema>,
): BodySpec<z.output<Schema>> {
  return { schema, example, read: (text) => readMembers(schema, text) };
}

/** For what is small and of our own making. */
export function jsonOf(value: unknown, status = 200): RouteAnswer {
  return { status, json: JSON.stringify(value) };
}

export const noContent: RouteAnswer = { status: 204, json: undefined };
