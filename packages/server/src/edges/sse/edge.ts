import type { Edge, EdgeOptions } from "../edge-options.ts";
import { notAccepting, refusal } from "../refusal.ts";
import { postedText } from "../posted-text.ts";
import type { StreamFanOut } from "../streaming/fan-out.ts";
import { openStream } from "../streaming/response.ts";

/** `/connection/sse`: the first frame is `?cf_connect=`, or the body of a POST (protocol 13.3). */
export function createSseEdge(options: EdgeOptions, fanOut: StreamFanOut): Edge {
  return {
    methods: ["GET", "POST"],
    async answer(request, server) {
      if (!options.hub.accepting) return notAccepting();
      const frame =
        request.method === "POST"
          ? await postedText(request, server, options)
          : (new URL(request.url).searchParams.get("cf_connect") ??
            refusal(400, "The query parameter cf_connect must hold the connect command."));
      return typeof frame === "string"
        ? openStream(request, server, frame, { options, fanOut })
        : frame;
    },
  };
}
