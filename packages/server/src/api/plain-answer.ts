/** Refusals of the HTTP layer. API errors are answered otherwise: as JSON, and mostly with status 200. */
const refusals = {
  malformed: { status: 400, text: "Bad Request\n" },
  unauthorized: { status: 401, text: "" },
  unknownPath: { status: 404, text: "404 page not found\n" },
  wrongVerb: { status: 405, text: "" },
  tooLarge: { status: 413, text: "Request Entity Too Large\n" },
  failed: { status: 500, text: "Internal Server Error\n" },
  draining: { status: 503, text: "" },
} as const;

export function refusal(kind: keyof typeof refusals): Response {
  const { status, text } = refusals[kind];
  const headers = new Headers();
  if (text !== "") {
    headers.set("Content-Type", "text/plain; charset=utf-8");
    headers.set("X-Content-Type-Options", "nosniff");
  }
  if (kind === "wrongVerb") headers.set("Allow", "POST");
  return new Response(text, { status, headers });
}

/** Without a charset: a stock client compares the whole header. */
export function jsonAnswer(json: string, status = 200): Response {
  return new Response(json, { status, headers: { "Content-Type": "application/json" } });
}
