import type { Edge, EdgeOptions } from "../edge-options.ts";
import { notAccepting } from "../refusal.ts";
import { postedText } from "../posted-text.ts";
import type { StreamFanOut } from "../streaming/fan-out.ts";
import { openStream } from "../streaming/response.ts";

/** `/connection/http_stream`: the body is the first frame, the response the stream (protocol 13.2). */
export function createHttpStreamEdge(options: EdgeOptions, fanOut: StreamFanOut): Edge {
  return {
    methods: ["POST"],
    async answer(request, server) {
      if (!options.hub.accepting) return notAccepting();
      const frame = await postedText(request, server, options);
      return typeof frame === "string"
        ? openStream(request, server, frame, { options, fanOut })
        : frame;
    },
  };
}
