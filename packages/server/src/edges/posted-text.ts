import { readBody } from "../api/read-body.ts";
import { defaultBodyBytes, type EdgeOptions, type EdgeServer } from "./edge-options.ts";
import { protobufRefusal, refusal } from "./refusal.ts";

/** Seconds without a byte after which a body that does not end is given up, whatever the server's default. */
const bodyIdleSeconds = 10;

/** The body of a POST, or the response that says why it is not taken. */
export async function postedText(
  request: Request,
  server: EdgeServer,
  { bodyBytes = defaultBodyBytes }: Pick<EdgeOptions, "bodyBytes">,
): Promise<string | Response> {
  // Exactly this type means Protobuf, here and in all SDKs (protocol 1.1).
  if (request.headers.get("content-type") === "application/octet-stream") return protobufRefusal();
  server.timeout(request, bodyIdleSeconds);
  try {
    const body = await readBody(request, bodyBytes);
    if (body.kind === "text") return body.text;
    return refusal(413, `The body is above ${bodyBytes} bytes.`, { Connection: "close" });
  } catch {
    // The client has gone in the middle of its body: nobody reads this.
    return refusal(400, "The body ended too early.");
  }
}
