import type { Clock } from "@switchyard/core";
import { ReplayError } from "./replay-error.ts";

export interface ServerAccess {
  /** Of the server, without a path. */
  readonly url: string;
  /** undefined: the server asks for none. */
  readonly apiKey: string | undefined;
  /** For the message after a 401: where the key was found. */
  readonly apiKeyOrigin: string;
  /** Default 10 000: the server answers within 10 s. */
  readonly timeoutMs?: number;
}

/** An answer that means something, or none: then the request may have been carried out or not. */
export type PostOutcome =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Headers;
      readonly body: string;
    }
  | { readonly kind: "unknown"; readonly reason: string };

/** Throws `ReplayError` when the key is wrong, the signal's reason when it is aborted. */
export async function postToServer(
  { path, body }: { readonly path: string; readonly body: string },
  { url, apiKey, apiKeyOrigin, timeoutMs = 10_000 }: ServerAccess,
  clock: Pick<Clock, "after">,
  signal: AbortSignal,
): Promise<PostOutcome> {
  signal.throwIfAborted();
  const timeout = new AbortController();
  const timer = clock.after(timeoutMs, () => timeout.abort());
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}${path}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(apiKey === undefined ? {} : { "X-API-Key": apiKey }),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout.signal]),
    });
    const { status, headers } = response;
    const answer = await response.text();
    if (status === 401) {
      throw new ReplayError(
        `${url} refuses the API key (401). It came from ${apiKeyOrigin}. Give the server's key in SWITCHYARD_API_KEY, or its data directory with --data-dir.`,
      );
    }
    // Servers that start, stop or are overloaded, and the proxies before them, answer so; later they may not.
    if (status >= 500 || status === 429 || status === 408)
      return { kind: "unknown", reason: `HTTP ${status}` };
    return { kind: "answered", status, headers, body: answer };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ReplayError) throw error;
    return {
      kind: "unknown",
      reason: timeout.signal.aborted
        ? `no answer within ${timeoutMs / 1_000} s`
        : networkReason(error),
    };
  } finally {
    timer.cancel();
  }
}

/** Bun puts the reason in `code` (ConnectionRefused), Node's style puts it in a cause. */
function networkReason(error: unknown): string {
  const code =
    error instanceof Error && "code" in error && typeof error.code === "string"
      ? error.code
      : undefined;
  return code ?? (error instanceof Error ? error.message : String(error));
}
