import type { Log } from "@switchyard/core";
import type { Hono } from "hono";
import type { Config } from "../config/declaration.ts";
import type { ClientEdges } from "../edges/client-edges.ts";
import type { EdgeServer } from "../edges/edge-options.ts";
import type { Component } from "../lifecycle/component.ts";
import { absoluteRequest } from "./absolute-request.ts";

interface HttpListenerOptions {
  readonly config: Config;
  readonly log: Log;
  readonly edges: ClientEdges;
  /** What is no client transport. Its second argument is for routes that take longer than the idle timeout. */
  readonly app: {
    fetch(
      request: Request,
      bindings: { readonly server: EdgeServer },
    ): Response | Promise<Response>;
  };
  readonly operatorRoutes: Hono;
}

/** A port cannot be listened on. The message says which and what to do. */
class ListenError extends Error {
  override readonly name = "ListenError";
}

function listening<Server>(what: string, variable: string, start: () => Server): Server {
  try {
    return start();
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ListenError(
      `Cannot listen on ${what} (${reason}): is another server there? Choose another port with ${variable}.`,
      { cause },
    );
  }
}

/** The ports: client transports first, the rest by the application; metrics and profiles on a port of their own if asked. */
export class HttpListener implements Component {
  readonly name = "http";
  readonly #options: HttpListenerOptions;
  #server: EdgeServer | undefined;
  #internal: Bun.Server<undefined> | undefined;

  constructor(options: HttpListenerOptions) {
    this.#options = options;
  }

  /** Where clients find the server, as far as it knows; "" when it does not listen. */
  get url(): string {
    return this.#server ? `http://${this.#server.hostname}:${this.#server.port}` : "";
  }

  /** Open WebSockets as the runtime counts them, whatever the hub knows of them. */
  get webSockets(): number {
    return this.#server?.pendingWebSockets ?? 0;
  }

  async start(): Promise<void> {
    const { config, edges, app, operatorRoutes, log } = this.#options;
    const { address, port, internalAddress, internalPort } = config.http;
    const server = listening(`${address}:${port}`, "SWITCHYARD_HTTP_PORT", () =>
      Bun.serve({
        hostname: address,
        port,
        // The API's own bound; larger bodies are refused before they are in memory.
        maxRequestBodySize: config.api.bodyBytes + bodySlackBytes,
        idleTimeout: idleTimeoutSeconds,
        // Otherwise a stack is printed for every stream that is cut off by force.
        development: false,
        fetch: (given, host) => {
          const request = absoluteRequest(given);
          if (request instanceof Response) return request;
          return edges.fetch(request, host, (other) => app.fetch(other, { server: host }));
        },
        websocket: edges.websocket,
      }),
    );
    edges.attach(server);
    this.#server = server;
    if (internalPort === undefined) return;
    const internal = `${internalAddress}:${internalPort}`;
    this.#internal = listening(internal, "SWITCHYARD_HTTP_INTERNAL_PORT", () =>
      Bun.serve({
        hostname: internalAddress,
        port: internalPort,
        fetch: (request) => operatorRoutes.fetch(request),
      }),
    );
    log.info(
      { url: `http://${this.#internal.hostname}:${this.#internal.port}` },
      "metrics and profiles",
    );
  }

  /** Connections are closed by the hub before; requests that are under way are finished. */
  async stop(): Promise<void> {
    await Promise.all([this.#internal?.stop(true), this.#server?.stop(true)]);
  }
}

const bodySlackBytes = 65_536;
const idleTimeoutSeconds = 30;
