import type { Hub, Log, ServerOperations } from "@switchyard/core";
import { Hono } from "hono";
import { collapsedPath, createServerApi } from "../api/server-api.ts";
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
  readonly operatorRoutes: Hono;
  readonly checks: readonly HealthCheck[];
  /** True once requests that change something are refused. */
  readonly draining: () => boolean;
  /** Pages for people, in development mode. */
  readonly pages: Hono | undefined;
}

/** All that is HTTP and no client transport: health, the server API, metrics and profiles, pages. */
export function createApp({
  config,
  log,
  hub,
  operations,
  operatorRoutes,
  checks,
  draining,
  pages,
}: AppParts): Hono {
  const isAllowedHost = createHostCheck(config);
  const hasApiKey = createApiKeyCheck(config.api.key);
  const isOperator = (request: Request): boolean =>
    config.api.insecure || hasApiKey(request.headers, new URL(request.url).searchParams);
  const api = createServerApi({
    operations,
    checkApiKey: config.api.insecure ? () => true : hasApiKey,
    log,
    clock: systemClock,
    random: systemRandom,
    draining,
    maxBodyBytes: config.api.bodyBytes,
  });

  const app = new Hono({ getPath: collapsedPath });
  app.use(async (context, next) => {
    if (isAllowedHost(context.req.header("host"))) return next();
    return context.text("this host is not in allowed_hosts\n", 403);
  });
  app.route("/", createHealthRoutes({ checks, accepting: () => hub.accepting, log }));
  app.all("/api", (context) => api.fetch(context.req.raw));
  app.all("/api/*", (context) => api.fetch(context.req.raw));
  for (const path of ["/metrics", "/debug/*"]) {
    app.all(path, (context) => {
      if (!isOperator(context.req.raw)) return context.body(null, 401);
      return operatorRoutes.fetch(context.req.raw);
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
