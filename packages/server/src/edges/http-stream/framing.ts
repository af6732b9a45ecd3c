import type { StreamFraming } from "../streaming/fan-out.ts";

/** JSON objects, each followed by a newline (protocol 13.2). */
export const httpStreamFraming: StreamFraming = {
  transport: "http_stream",
  contentType: "application/x-ndjson; charset=utf-8",
  prelude: "",
  wrap: (frame) => `${frame}\n`,
};
