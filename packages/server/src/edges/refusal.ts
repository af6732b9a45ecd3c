/** An error for people and logs: plain text with one sentence on what to do. */
export function refusal(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...headers,
    },
  });
}

export function notAccepting(): Response {
  return refusal(503, "This node is shutting down. Connect again.", { "Retry-After": "1" });
}

export function protobufRefusal(): Response {
  return refusal(
    400,
    "This server speaks the JSON protocol only. Use the JSON build or mode of your client.",
  );
}
