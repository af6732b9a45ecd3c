import { confirmTimeoutMs, type ServerUnderTest } from "../world/server-under-test.ts";

/** Longer than the broker's own patience: the answer to a request that takes longer is never heard. */
export const answerTimeoutMs = confirmTimeoutMs + 1_000;

/** Asks the latest process. Throws when it does not answer, not in time, or not with success. */
export async function askApi(
  server: ServerUnderTest,
  verb: "GET" | "PUT" | "POST",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, {
    method: verb,
    headers: { "X-API-Key": server.apiKey },
    signal: AbortSignal.timeout(answerTimeoutMs),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${verb} ${path} answered ${response.status}: ${answer}`);
  return answer === "" ? undefined : JSON.parse(answer);
}
