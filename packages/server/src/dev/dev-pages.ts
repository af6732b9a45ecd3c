import { fileURLToPath } from "node:url";
import type { Clock, Log, Random } from "@switchyard/core";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { issueDevToken, parseTokenRequest, type TokenIssuer } from "./dev-token.ts";
import { listDocs, readDocs } from "./docs-files.ts";
import { escapeHtml, pageFile, pageHtml } from "./page-files.ts";
import { pageHeaders } from "./page-headers.ts";
import { pageScript } from "./page-script.ts";

export interface DevPagesOptions {
  /** Signs the tokens that the pages connect with; the server must verify the same. */
  readonly token: TokenIssuer;
  /** From the Origin and Host headers; a missing Origin is undefined. */
  readonly isOriginAllowed: (origin: string | undefined, host: string) => boolean;
  /** Names that the page suggests channels of. */
  readonly namespaces: readonly string[];
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the Markdown files are that the page links to. default: docs/ of this repository */
  readonly docsFolder?: string;
}

const tokenRequestBytes = 1_024;
const ownDocs = fileURLToPath(new URL("../../../../docs/", import.meta.url));

/**
 * The pages of development mode: the first page at `/` with its files, the documentation as plain text, and
 * `POST /dev/token`. To be mounted only in development mode, behind the check of the Host header: whoever reaches
 * `/dev/token` can be any user.
 */
export function createDevPages(options: DevPagesOptions): Hono {
  const { log, docsFolder = ownDocs } = options;

  const app = new Hono();
  app.get("/", async (context) => {
    const docs = (await listDocs(docsFolder)).map(
      ({ name, title }) => `<li><a href="/dev/docs/${name}">${escapeHtml(title)}</a></li>`,
    );
    const html = await pageHtml({
      version: options.version,
      namespaces: options.namespaces.join(" "),
      docs: docs.join(""),
    });
    return context.body(html, 200, pageHeaders("text/html; charset=utf-8"));
  });
  app.get("/dev/page.js", pageScript("main.ts", log));
  app.get("/dev/page.css", async (context) =>
    context.body(await pageFile("page.css"), 200, pageHeaders("text/css; charset=utf-8")),
  );
  app.get("/dev/icon.svg", async (context) =>
    context.body(await pageFile("icon.svg"), 200, pageHeaders("image/svg+xml")),
  );
  app.get("/dev/docs/:name", async (context) => {
    const text = await readDocs(docsFolder, context.req.param("name"));
    return context.body(
      text ?? "There is no such page.\n",
      text === undefined ? 404 : 200,
      pageHeaders("text/plain; charset=utf-8"),
    );
  });
  app.post(
    "/dev/token",
    bodyLimit({
      maxSize: tokenRequestBytes,
      onError: (context) => refuse(context, 413, "the request is too large"),
    }),
    async (context) => {
      if (isCrossSite(context, options))
        return refuse(context, 403, "tokens are for pages of this server");
      const request = parseTokenRequest(await context.req.text());
      if (request === undefined)
        return refuse(context, 400, "user must be 1 to 64 letters, digits, _, ., -");
      const issued = await issueDevToken(
        options.token,
        request.user,
        options.clock,
        options.random,
      );
      return context.body(JSON.stringify(issued), 200, pageHeaders("application/json"));
    },
  );
  return app;
}

/** Browsers tell both headers of their own accord; a page cannot forge them. Other programs send neither. */
function isCrossSite(context: Context, { isOriginAllowed }: DevPagesOptions): boolean {
  const site = context.req.header("sec-fetch-site");
  if (site === "cross-site") return true;
  return !isOriginAllowed(context.req.header("origin"), context.req.header("host") ?? "");
}

function refuse(context: Context, status: 400 | 403 | 413, message: string): Response {
  return context.body(JSON.stringify({ error: message }), status, pageHeaders("application/json"));
}
