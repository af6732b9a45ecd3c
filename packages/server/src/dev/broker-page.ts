import type { BrokerOperations, Log, Random } from "@switchyard/core";
import { type Context, Hono } from "hono";
import { createBrokerRoutes } from "../api/v1/broker-routes.ts";
import type { ApiKey } from "../auth/api-key.ts";
import { createOriginCheck } from "../config/origin-check.ts";
import { brokerPageHtml, pageFile } from "./page-files.ts";
import { pageHeaders } from "./page-headers.ts";
import { pageScript } from "./page-script.ts";

export interface BrokerPageOptions {
  readonly broker: BrokerOperations;
  readonly log: Log;
  readonly random: Pick<Random, "uuid">;
  /** As for the routes under /v1. */
  readonly draining: () => boolean;
  /** As for the routes under /v1. */
  readonly maxBodyBytes: number;
  readonly version: string;
}

/** What the page works with, whoever looks at it. It consumes nothing. */
const pageKey: ApiKey = {
  name: "broker-page",
  grants: (["read", "publish", "topology", "dead-letters"] as const).map((scope) => ({
    scope,
    names: undefined,
  })),
};

const forwarded = "/dev/v1/";
const readingVerbs: readonly string[] = ["GET", "HEAD"];

/**
 * The broker page at `/broker/` with its files, and what it asks: `/dev/v1/…` is `/v1/…` without a key, for pages of
 * this server. To be mounted only in development mode, behind the check of the Host header: whoever reaches `/dev/v1/`
 * can read, publish, declare and delete.
 */
export function createBrokerPage(options: BrokerPageOptions): Hono {
  const routes = createBrokerRoutes({
    ...options,
    findApiKey: () => pageKey,
    openDocument: true,
  });
  // Not `allowed_origins`: those are let in as clients, not as this page.
  const isOwnOrigin = createOriginCheck({ allowedOrigins: [] });

  const app = new Hono();
  app.get("/broker", (context) => context.redirect("/broker/", 308));
  app.get("/broker/", async (context) =>
    context.body(
      await brokerPageHtml(options.version),
      200,
      pageHeaders("text/html; charset=utf-8"),
    ),
  );
  app.get("/dev/broker.js", pageScript("broker/main.ts", options.log));
  app.get("/dev/broker.css", async (context) =>
    context.body(await pageFile("broker/broker.css"), 200, pageHeaders("text/css; charset=utf-8")),
  );
  app.all(`${forwarded}*`, async (context) => {
    if (!isOwnPage(context, isOwnOrigin))
      return refuse(context, 403, "only for pages of this server");
    if (!readingVerbs.includes(context.req.method) && !isJson(context))
      return refuse(context, 415, "the body must be application/json");
    const response = await routes.fetch(asPublic(context.req.raw), {});
    response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
    return response;
  });
  return app;
}

/**
 * Browsers tell both headers of their own accord; a page cannot forge them. Other programs send neither. A page on
 * another port of this host is another origin, though of the same site.
 */
function isOwnPage(
  context: Context,
  isOwnOrigin: (origin: string | undefined, host: string) => boolean,
): boolean {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin") return false;
  return isOwnOrigin(context.req.header("origin"), context.req.header("host") ?? "");
}

/** What browsers send to another origin only after asking it, which nothing here answers with a yes. */
function isJson(context: Context): boolean {
  const [type = ""] = context.req.header("content-type")?.split(";", 1) ?? [];
  return type.trim().toLowerCase() === "application/json";
}

/** The same request to /v1. */
function asPublic(request: Request): Request {
  const url = new URL(request.url);
  url.pathname = url.pathname.replace(/^\/+dev(?=\/)/, "");
  const { method, headers, body, signal } = request;
  return new Request(url.href, { method, headers, signal, ...(body && { body }) });
}

function refuse(context: Context, status: 403 | 415, message: string): Response {
  return context.body(JSON.stringify({ message }), status, pageHeaders("application/json"));
}
