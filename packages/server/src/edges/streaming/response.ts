import { jsonCodec } from "@switchyard/protocol";
import { connectionRequest } from "../connection-request.ts";
import type { EdgeOptions, EdgeServer } from "../edge-options.ts";
import { notAccepting } from "../refusal.ts";
import type { StreamFanOut } from "./fan-out.ts";
import { StreamLink } from "./link.ts";

/** Seconds without progress after which Bun cuts a connection that could not even take the end of its stream. */
const lastIdleSeconds = 4;

/** Opens a client's stream with its first frame, and answers with the body that will carry all replies. */
export function openStream(
  request: Request,
  server: EdgeServer,
  firstFrame: string,
  { options, fanOut }: { readonly options: EdgeOptions; readonly fanOut: StreamFanOut },
): Response {
  if (!options.hub.accepting) return notAccepting();
  const link = new StreamLink(fanOut, jsonCodec, () => {
    server.timeout(request, lastIdleSeconds);
  });
  const connection = options.hub.open(link, jsonCodec, connectionRequest(request, server, options));
  link.bind(connection);
  server.timeout(request, 0);
  // Until Bun asks for the body, only the signal tells that the client has gone.
  if (request.signal.aborted) link.gone();
  else request.signal.addEventListener("abort", () => link.gone(), { once: true });
  connection.receive(firstFrame);
  const body = new ReadableStream({
    type: "direct",
    pull: (writer) => {
      link.attach(writer);
    },
    cancel: () => {
      link.gone();
    },
  });
  return new Response(body, {
    headers: {
      "Content-Type": fanOut.framing.contentType,
      "Cache-Control": "no-store",
      // Proxies such as nginx must pass each frame on at once.
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
      // The stream was the connection's purpose: its descriptor goes with it.
      Connection: "close",
    },
  });
}
