import type { StreamFraming } from "../streaming/fan-out.ts";

/** Server-sent events (protocol 13.3). A frame of several objects has newlines: a `data` line for each. */
export const sseFraming: StreamFraming = {
  transport: "sse",
  contentType: "text/event-stream; charset=utf-8",
  prelude: "\r\n",
  wrap: (frame) => `data: ${frame.includes("\n") ? frame.replaceAll("\n", "\ndata: ") : frame}\n\n`,
};
