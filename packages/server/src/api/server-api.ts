import type { Clock, Log, Random, ServerOperations, SwitchyardError } from "@switchyard/core";
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import { ApiCalls, type CallOutcome, type RequestScope } from "./api-calls.ts";
import { apiErrorJson, transportStatus } from "./api-error.ts";
import type { ApiMethod } from "./api-method.ts";
import { runBatch } from "./batch.ts";
import { runLegacyCommands } from "./legacy-commands.ts";
import { MalformedBody } from "./malformed-body.ts";
import { apiMethods } from "./method-table.ts";
import { jsonAnswer, refusal } from "./plain-answer.ts";
import { readBody } from "./read-body.ts";
import { RequestFields } from "./request-fields.ts";
import { requestIdOf } from "./request-id.ts";

const defaultMaxBodyBytes = 10 * 1_048_576;
const maxDetailLength = 200;

export interface ServerApiOptions {
  readonly operations: ServerOperations;
  /** True when the request carries the key, or when none is asked for. */
  readonly checkApiKey: (headers: Headers, query: URLSearchParams) => boolean;
  readonly log: Log;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "uuid">;
  /** True once the server shuts down. Asked at the beginning of every request. */
  readonly draining: () => boolean;
  /** Default 10 MiB. A longer request body: 413. */
  readonly maxBodyBytes?: number;
  /** Begins with a slash and does not end with one, or is empty. Default "/api". */
  readonly prefix?: string;
}

/** Answers a request body. Throws `MalformedBody`. */
type Endpoint = (body: string, scope: RequestScope, request: Request) => Promise<Response>;

/**
 * The server API over HTTP: `POST <prefix>/<method>`, `POST <prefix>/batch`, and the legacy form `POST <prefix>`.
 * Unknown paths are 404 and other verbs 405, both before the key is looked at. Give requests to its `fetch`: in a
 * parent application the parent's own `getPath` would be used, which must then be `collapsedPath` as well.
 */
export function createServerApi(options: ServerApiOptions): Hono {
  const { log, prefix = "/api" } = options;
  const calls = new ApiCalls(options);
  const app = new Hono({ getPath: collapsedPath });
  const add = (path: string, endpoint: Endpoint): void => {
    app.all(path, (context) => answer(context.req.raw, endpoint, options));
  };
  for (const method of apiMethods) add(`${prefix}/${method.name}`, methodEndpoint(method, calls));
  add(`${prefix}/batch`, async (body, scope) => jsonAnswer(await runBatch(body, calls, scope)));
  add(prefix === "" ? "/" : prefix, async (body, scope) => {
    return scope.refused
      ? refusal("draining")
      : jsonAnswer(await runLegacyCommands(body, calls, scope));
  });
  app.notFound(() => refusal("unknownPath"));
  app.onError((error) => {
    log.error({ cause: error }, "server API request failed");
    return refusal("failed");
  });
  return app;
}

/** `//` counts as `/`: some clients join a base URL that ends in a slash with a path that begins with one. */
export function collapsedPath(request: Request): string {
  return getPath(request).replace(/\/{2,}/g, "/");
}

async function answer(
  request: Request,
  endpoint: Endpoint,
  options: ServerApiOptions,
): Promise<Response> {
  const requestId = requestIdOf(request.headers, () => options.random.uuid());
  const scope = { requestId, refused: options.draining() };
  const response = await answerInScope(request, endpoint, scope, options);
  response.headers.set("X-Request-ID", requestId);
  return response;
}

async function answerInScope(
  request: Request,
  endpoint: Endpoint,
  scope: RequestScope,
  options: ServerApiOptions,
): Promise<Response> {
  const { requestId } = scope;
  if (request.method !== "POST") return refusal("wrongVerb");
  if (!options.checkApiKey(request.headers, queryOf(request))) return refusal("unauthorized");
  try {
    const body = await readBody(request, options.maxBodyBytes ?? defaultMaxBodyBytes);
    if (body.kind === "tooLarge") return refusal("tooLarge");
    return await endpoint(body.text, scope, request);
  } catch (error) {
    if (error instanceof MalformedBody) {
      options.log.info(
        { requestId, detail: error.message },
        "server API request cannot be decoded",
      );
      return withDetail(refusal("malformed"), error.message);
    }
    if (request.signal.aborted) {
      options.log.info({ requestId, cause: error }, "the client of a server API request has gone");
      return refusal("malformed");
    }
    options.log.error({ requestId, cause: error }, "server API request failed");
    return refusal("failed");
  }
}

function methodEndpoint(method: ApiMethod, calls: ApiCalls): Endpoint {
  return async (body, scope, request) => {
    const call = method.decode(RequestFields.fromBody(body));
    return envelope(await calls.run(method.name, call, scope), request);
  };
}

/** An API error is a 200 like a result, unless the caller has asked for the error as HTTP status. */
function envelope(outcome: CallOutcome, request: Request): Response {
  if (outcome.kind === "result") return jsonAnswer(`{"result":${outcome.json}}`);
  return withDetail(errorAnswer(outcome.error, request), outcome.error.message);
}

function errorAnswer(error: SwitchyardError, request: Request): Response {
  const json = apiErrorJson(error);
  const asStatus = request.headers.get("x-centrifugo-error-mode") === "transport";
  return asStatus ? jsonAnswer(json, transportStatus(error)) : jsonAnswer(`{"error":${json}}`);
}

/** What was wrong in words, beside a body that has no place for it. */
function withDetail(response: Response, detail: string): Response {
  response.headers.set(
    "X-Error-Detail",
    detail.replace(/[^\x20-\x7e]/g, "?").slice(0, maxDetailLength),
  );
  return response;
}

function queryOf(request: Request): URLSearchParams {
  const mark = request.url.indexOf("?");
  return new URLSearchParams(mark === -1 ? "" : request.url.slice(mark + 1));
}
