import { z } from "zod";
import type { Edge, EdgeOptions } from "../edge-options.ts";
import { postedText } from "../posted-text.ts";
import { refusal } from "../refusal.ts";

const emulationRequest = z.object({
  session: z.string().min(1),
  node: z.string().min(1),
  /** Commands, separated by newlines. */
  data: z.string().min(1),
});

/** `/emulation`: what clients of HTTP streams and SSE say after their first frame (protocol 13.4). */
export function createEmulationEdge(options: EdgeOptions): Edge {
  return {
    methods: ["POST"],
    async answer(request, server) {
      const text = await postedText(request, server, options);
      if (typeof text !== "string") return text;
      const parsed = emulationRequest.safeParse(parseJson(text));
      if (!parsed.success) {
        return refusal(
          400,
          'The body must be {"session": string, "node": string, "data": string}, none of them empty.',
        );
      }
      const { node, session, data } = parsed.data;
      try {
        const outcome = await options.hub.emulate(node, session, data);
        if (outcome === "accepted")
          return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
        return refusal(404, "No such node or session: it has ended. Connect again.");
      } catch (error) {
        options.log.warn({ node, err: error }, "could not hand on commands of an HTTP client");
        return refusal(503, "The node of this session does not answer.", { "Retry-After": "1" });
      }
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
