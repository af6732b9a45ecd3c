import {
  type BrokerOperations,
  errorTable,
  type Hub,
  type Log,
  type ServerOperations,
} from "@switchyard/core";
import { Hono } from "hono";
import manifest from "../../package.json" with { type: "json" };
import { collapsedPath, createServerApi } from "../api/server-api.ts";
import { createBrokerRoutes, type ListenerBindings } from "../api/v1/broker-routes.ts";
import { type ApiKey, type ApiScope, hasScope, unrestrictedKey } from "../auth/api-key.ts";
import { createApiKeyCheck } from "../auth/api-key-check.ts";
import type { Config } from "../config/declaration.ts";
import { createHostCheck } from "../config/host-check.ts";
import { systemClock } from "../system-clock.ts";
import { systemRandom } from "../system-random.ts";
import { createHealthRoutes, type HealthCheck } from "./health-routes.ts";

export interface AppParts {
  readonly config: Config;
  readonly log: Log;
  readonly hub: Hub;
  readonly operations: ServerOperations;
  /** undefined: nothing is under /v1. */
  readonly broker?: BrokerOperations | undefined;
  readonly operatorRoutes: Hono;
  readonly checks: readonly HealthCheck[];
  /** True once requests that change something are refused. */
  readonly draining: () => boolean;
  /** Pages for people, in development mode. */
  readonly pages: Hono | undefined;
}

interface AppEnv {
  Bindings: ListenerBindings;
}

/** All that is HTTP and no client transport: health, the APIs, metrics and profiles, pages. */
export function createApp({
  config,
  log,
  hub,
  operations,
  broker,
  operatorRoutes,
  checks,
  draining,
  pages,
}: AppParts): Hono<AppEnv> {
  const isAllowedHost = createHostCheck(config);
  const findApiKey = apiKeyFinder(config);
  const keyOf = (request: Request): ApiKey | undefined =>
    findApiKey(request.headers, new URL(request.url).searchParams);
  const api = createServerApi({
    operations,
    checkApiKey: (headers, query) => {
      const key = findApiKey(headers, query);
      return key !== undefined && hasScope(key, "api");
    },
    log,
    clock: systemClock,
    random: systemRandom,
    draining,
    maxBodyBytes: config.api.bodyBytes,
  });

  const app = new Hono<AppEnv>({ getPath: collapsedPath });
  app.use(async (context, next) => {
    if (isAllowedHost(context.req.header("host"))) return next();
    return context.text("this host is not in allowed_hosts\n", 403);
  });
  app.route("/", createHealthRoutes({ checks, accepting: () => hub.accepting, log }));
  for (const path of ["/api", "/api/*"]) {
    app.all(path, async ({ req: { raw } }) => {
      const response = await api.fetch(raw);
      // That a known key is refused for what it lacks is told here, where it costs nothing to those that are let in.
      return response.status === 401 && keyOf(raw) ? lacking("api") : response;
    });
  }
  if (broker) {
    const routes = createBrokerRoutes({
      broker,
      findApiKey,
      openDocument: config.dev,
      log,
      random: systemRandom,
      draining,
      maxBodyBytes: config.api.bodyBytes,
      version: manifest.version,
    });
    app.all("/v1/*", ({ req: { raw }, env }) => routes.fetch(raw, env));
  }
  for (const path of ["/metrics", "/debug/*"]) {
    app.all(path, (context) => {
      const key = keyOf(context.req.raw);
      if (key === undefined) return context.body(null, 401);
      return hasScope(key, "operator")
        ? operatorRoutes.fetch(context.req.raw)
        : lacking("operator");
    });
  }
  if (pages) app.route("/", pages);
  app.notFound((context) => context.text("404 page not found\n", 404));
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, "a request failed");
    return context.text("Internal Server Error\n", 500);
  });
  return app;
}

function apiKeyFinder({
  api,
}: Config): (headers: Headers, query: URLSearchParams) => ApiKey | undefined {
  const find = createApiKeyCheck<ApiKey>([
    ...api.key.map((key) => [key, unrestrictedKey] as const),
    ...api.keys.map(({ key, name, grants }) => [key, { name, grants }] as const),
  ]);
  // A key that is given counts all the same: it says who publishes.
  return api.insecure ? (headers, query) => find(headers, query) ?? unrestrictedKey : find;
}

function lacking(scope: ApiScope): Response {
  const { code, message, httpStatus } = errorTable.permissionDenied;
  const detail = `${message}: the API key lacks the scope ${scope}`;
  return Response.json({ code, message: detail }, { status: httpStatus });
}
