import type { FanOut } from "@switchyard/core";
import type { WebSocketHandler } from "bun";
import { corsHeaders, preflight } from "./cors.ts";
import type { Edge, EdgeAnswer, EdgeOptions, EdgeServer } from "./edge-options.ts";
import { createEmulationEdge } from "./emulation/edge.ts";
import { createHttpStreamEdge } from "./http-stream/edge.ts";
import { httpStreamFraming } from "./http-stream/framing.ts";
import { refusal } from "./refusal.ts";
import { createSseEdge } from "./sse/edge.ts";
import { sseFraming } from "./sse/framing.ts";
import { StreamFanOut } from "./streaming/fan-out.ts";
import { createWebSocketEdge, webSocketHandler } from "./websocket/edge.ts";
import { WebSocketFanOut } from "./websocket/fan-out.ts";
import type { WebSocketLink } from "./websocket/link.ts";

type HttpHandler = (request: Request) => Response | Promise<Response>;

/** All client transports, for one `Bun.serve`. */
export interface ClientEdges {
  /**
   * Answers the four client endpoints and leaves every other path to `next`. Fulfils with undefined when the
   * request has become a WebSocket, which is what `Bun.serve` wants to be told.
   */
  fetch(
    request: Request,
    server: EdgeServer,
    next: HttpHandler,
  ): Response | undefined | Promise<Response | undefined>;
  /** The `websocket` member of `Bun.serve`. */
  readonly websocket: WebSocketHandler<WebSocketLink>;
  readonly fanOuts: readonly FanOut[];
  /** Once the server exists, and before it can have clients. */
  attach(server: EdgeServer): void;
}

export function createClientEdges(options: EdgeOptions): ClientEdges {
  const { clock, limits } = options;
  const { queueBytes } = limits;
  const webSockets = new WebSocketFanOut(queueBytes, clock);
  const httpStreams = new StreamFanOut({ framing: httpStreamFraming, queueBytes, clock });
  const eventStreams = new StreamFanOut({ framing: sseFraming, queueBytes, clock });
  const edges = new Map<string, Edge>([
    ["/connection/websocket", createWebSocketEdge(options, webSockets)],
    ["/connection/http_stream", createHttpStreamEdge(options, httpStreams)],
    ["/connection/sse", createSseEdge(options, eventStreams)],
    ["/emulation", createEmulationEdge(options)],
  ]);
  return {
    fetch(request, server, next) {
      const edge = edges.get(pathOf(request.url));
      if (edge === undefined) return next(request);
      const answer = admit(request, server, edge, options);
      return answer instanceof Promise ? answer.then(toBun) : toBun(answer);
    },
    websocket: webSocketHandler(options),
    fanOuts: [webSockets, httpStreams, eventStreams],
    attach: (server) => webSockets.attach(server),
  };
}

function toBun(answer: EdgeAnswer): Response | undefined {
  return answer === "upgraded" ? undefined : answer;
}

/** The path without the query; the URL of a request is absolute. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return url.slice(start, query === -1 ? undefined : query);
}

/** What all endpoints have in common: who may come, and by which method. */
function admit(
  request: Request,
  server: EdgeServer,
  edge: Edge,
  options: EdgeOptions,
): EdgeAnswer | Promise<EdgeAnswer> {
  const host = request.headers.get("host") ?? undefined;
  const origin = request.headers.get("origin") ?? undefined;
  if (!options.allowsHost(host)) {
    options.log.info({ host }, "refused a client: host is not allowed");
    return refusal(
      403,
      `Host "${host ?? ""}" is not allowed. Add it to allowed_hosts (SWITCHYARD_ALLOWED_HOSTS).`,
    );
  }
  if (!options.allowsOrigin(origin, host ?? "")) {
    options.log.info({ origin, host }, "refused a client: origin is not allowed");
    return refusal(
      403,
      `Origin "${origin ?? ""}" is not allowed. Add it to allowed_origins (SWITCHYARD_ALLOWED_ORIGINS).`,
    );
  }
  if (request.method === "OPTIONS") return preflight(request, edge.methods);
  if (!edge.methods.includes(request.method)) {
    const allowed = edge.methods.join(", ");
    return shared(request, refusal(405, `Use ${allowed} here.`, { Allow: `${allowed}, OPTIONS` }));
  }
  const answer = edge.answer(request, server);
  return answer instanceof Promise
    ? answer.then((one) => shared(request, one))
    : shared(request, answer);
}

/** Lets pages of other origins read the answer, errors too. */
function shared(request: Request, answer: EdgeAnswer): EdgeAnswer {
  if (answer === "upgraded") return answer;
  for (const [name, value] of Object.entries(corsHeaders(request))) answer.headers.set(name, value);
  return answer;
}
