import {
  asSwitchyardError,
  type BrokerOperations,
  type Log,
  type Random,
  SwitchyardError,
} from "@switchyard/core";
import { Hono } from "hono";
import { type ApiKey, requireScope } from "../../auth/api-key.ts";
import { readBody } from "../read-body.ts";
import { requestIdOf } from "../request-id.ts";
import { collapsedPath } from "../server-api.ts";
import type { ApiRoute, RouteAnswer } from "./api-route.ts";
import { longestWaitMs } from "./consume-routes.ts";
import { errorJson } from "./error-answer.ts";
import { name as nameSchema } from "./members.ts";
import { documentPath, openApiDocument } from "./openapi.ts";
import { apiRoutes } from "./route-table.ts";

/**
 * Until the answer of a request that has come whole: the longest wait of a pull, and as much again for a database that
 * is slow to commit. The server's own patience is for peers that fall silent, and is shorter than a long poll.
 */
const answerSeconds = (2 * longestWaitMs) / 1_000;

export interface BrokerRoutesOptions {
  readonly broker: BrokerOperations;
  /** The key that a request carries; undefined: none that is known. */
  readonly findApiKey: (headers: Headers, query: URLSearchParams) => ApiKey | undefined;
  /** The document needs no key: in development mode. */
  readonly openDocument: boolean;
  readonly log: Log;
  readonly random: Pick<Random, "uuid">;
  /** True once the server shuts down. Asked at the beginning of every request. */
  readonly draining: () => boolean;
  /** A longer request body: 413. */
  readonly maxBodyBytes: number;
  /** Of the server, for the document. */
  readonly version: string;
}

/** What the listener passes on beside a request, as the second argument of `fetch`. */
export interface ListenerBindings {
  /** undefined: no socket. */
  readonly server?: { timeout(request: Request, seconds: number): void } | undefined;
}

interface RouteEnv {
  Bindings: ListenerBindings;
}

/**
 * The broker over HTTP, under /v1. Unknown paths are 404 and other verbs 405, both before the key is looked at. Give
 * requests to its `fetch`: mounted in a parent, the parent's `getPath` would be used, which must then collapse slashes.
 */
export function createBrokerRoutes(options: BrokerRoutesOptions): Hono<RouteEnv> {
  const app = new Hono<RouteEnv>({ getPath: collapsedPath });
  let document: string | undefined;
  const documentJson = (): string =>
    (document ??= JSON.stringify(openApiDocument(apiRoutes, options.version)));

  app.all(documentPath, ({ req: { raw } }) =>
    answerRequest(raw, options, async (scope) => {
      if (verbOf(raw) !== "GET") return wrongVerb(["GET"]);
      if (!options.openDocument) knownKey(raw, scope.query, options);
      return plainAnswer({ status: 200, json: documentJson() });
    }),
  );
  for (const [path, routes] of Map.groupBy(apiRoutes, (route) => route.path)) {
    app.all(path.replace("{name}", ":name"), ({ req: { raw }, env }) =>
      answerRequest(raw, options, async (scope) => {
        const route = routes.find(({ verb }) => verb === verbOf(raw));
        if (route === undefined) return wrongVerb(routes.map(({ verb }) => verb));
        return runRoute(route, raw, { ...scope, server: env.server }, options);
      }),
    );
  }
  app.notFound(({ req: { raw } }) =>
    answerRequest(raw, options, async () => {
      throw new SwitchyardError("methodNotFound", { detail: "no such path" });
    }),
  );
  return app;
}

/** Of a body that says nothing, such as `{}`. */
const emptyBodyBytes = 64;

interface RequestScope extends ListenerBindings {
  readonly requestId: string;
  readonly url: URL;
  readonly query: URLSearchParams;
}

async function answerRequest(
  request: Request,
  options: BrokerRoutesOptions,
  answer: (scope: RequestScope) => Promise<Response>,
): Promise<Response> {
  const requestId = requestIdOf(request.headers, () => options.random.uuid());
  const url = new URL(request.url);
  let response: Response;
  try {
    response = await answer({ requestId, url, query: url.searchParams });
  } catch (thrown) {
    response = failure(thrown, request, requestId, options.log);
  }
  response.headers.set("X-Request-ID", requestId);
  return response;
}

async function runRoute(
  route: ApiRoute,
  request: Request,
  scope: RequestScope,
  options: BrokerRoutesOptions,
): Promise<Response> {
  const { broker, log, maxBodyBytes } = options;
  const key = knownKey(request, scope.query, options);
  if (options.draining()) return shuttingDown();
  const name = route.path.includes("{name}") ? nameIn(scope.url.pathname) : "";
  if (route.scope !== undefined) requireScope(key, route.scope, name === "" ? [] : [name]);
  let text = "";
  if (route.body !== undefined) {
    const body = await readBody(request, maxBodyBytes);
    if (body.kind === "tooLarge") return tooLarge(maxBodyBytes);
    text = body.text;
  } else if (verbOf(request) !== "GET") {
    await refuseBody(request);
  }
  scope.server?.timeout(request, answerSeconds);
  const { requestId, query } = scope;
  const call = { broker, log, requestId, name, key, signal: request.signal };
  return plainAnswer(await route.run({ query, text }, call));
}

/** What was meant to be a condition would be passed over, and the thing deleted. */
async function refuseBody(request: Request): Promise<void> {
  if (request.body === null) return;
  const body = await readBody(request, emptyBodyBytes);
  if (body.kind !== "tooLarge" && /^\s*(?:\{\s*\}\s*)?$/.test(body.text)) return;
  const detail = "this request takes no body; conditions go into the query, as ?if_empty=true";
  throw new SwitchyardError("badRequest", { detail, field: "body" });
}

/** Throws `unauthorized`. */
function knownKey(
  { headers }: Request,
  query: URLSearchParams,
  options: BrokerRoutesOptions,
): ApiKey {
  const key = options.findApiKey(headers, query);
  if (key === undefined)
    throw new SwitchyardError("unauthorized", {
      detail: "unauthorized: give an API key in X-API-Key",
    });
  return key;
}

/** Hono leaves out the body of an answer to HEAD. */
function verbOf({ method }: Request): string {
  return method === "HEAD" ? "GET" : method;
}

/** The third part of a path such as /v1/queues/a%2Fb/pull. Not by Hono, which takes what it cannot decode as it is. */
function nameIn(pathname: string): string {
  const part = pathname.replace(/\/{2,}/g, "/").split("/")[3] ?? "";
  const result = nameSchema.safeParse(decoded(part));
  if (result.success) return result.data;
  throw new SwitchyardError("badRequest", {
    field: "name",
    detail:
      "name in the path must be 1 to 255 characters, percent-encoded in UTF-8, without control characters",
  });
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function failure(thrown: unknown, request: Request, requestId: string, log: Log): Response {
  const { pathname: path } = new URL(request.url);
  if (request.signal.aborted) {
    log.info({ requestId, path, cause: thrown }, "the client of an API request has gone");
    return plainAnswer({ status: 400, json: undefined });
  }
  const error = asSwitchyardError(thrown);
  const { code, httpStatus, logLevel } = error.row;
  const { field, message: detail, cause } = error;
  log[logLevel]({ requestId, path, code, field, detail, cause }, "API request failed");
  return plainAnswer({ status: httpStatus, json: errorJson(error) });
}

function plainAnswer(
  { status, json }: RouteAnswer,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = new Headers({
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...more,
  });
  if (json !== undefined) headers.set("Content-Type", "application/json");
  return new Response(json, { status, headers });
}

function wrongVerb(verbs: readonly string[]): Response {
  const allowed = verbs.join(", ");
  const error = new SwitchyardError("methodNotFound", { detail: `use ${allowed} here` });
  return plainAnswer({ status: 405, json: errorJson(error) }, { Allow: allowed });
}

function tooLarge(bytes: number): Response {
  const detail = `the body is above ${bytes} bytes (api.body_bytes)`;
  const error = new SwitchyardError("badRequest", { detail });
  return plainAnswer({ status: 413, json: errorJson(error) });
}

function shuttingDown(): Response {
  const error = new SwitchyardError("nodeUnavailable", { detail: "the server is shutting down" });
  return plainAnswer({ status: 503, json: errorJson(error) }, { "Retry-After": "1" });
}
