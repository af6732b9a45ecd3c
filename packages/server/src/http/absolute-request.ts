import { refusal } from "../edges/refusal.ts";

/**
 * `request` with an absolute URL, which all routing relies on. Bun makes the URL of the Host header as it came: without
 * one, as HTTP/1.0 allows and as simple health probes do, only a path is left, and a Host header that is none makes it
 * unreadable. That is answered with 400 (RFC 9112 section 3.2).
 */
export function absoluteRequest(request: Request): Request | Response {
  if (URL.canParse(request.url)) return request;
  if ((request.headers.get("host") ?? "") !== "")
    return refusal(400, "The Host header is malformed.", { Connection: "close" });
  return new Request(`http://localhost${request.url}`, request);
}
