/** Seconds that a browser may remember a preflight's answer. */
const preflightMaxAge = 300;

/**
 * What lets the page that asked read the response; its Origin has been checked. Credentials are for gateways that
 * know users by a cookie. Empty for clients that are no pages.
 */
export function corsHeaders(request: Request): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null) return {};
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Credentials": "true",
    Vary: "Origin",
  };
}

/** The answer to OPTIONS. */
export function preflight(request: Request, methods: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request),
      "Access-Control-Allow-Methods": methods.join(", "),
      "Access-Control-Allow-Headers":
        request.headers.get("access-control-request-headers") ?? "Content-Type, Authorization",
      "Access-Control-Max-Age": `${preflightMaxAge}`,
    },
  });
}
