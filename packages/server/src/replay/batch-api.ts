import type { Clock } from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";
import { z } from "zod";
import { ReplayError } from "./replay-error.ts";

export interface Publish {
  readonly channel: string;
  readonly data: JsonText;
  readonly idempotencyKey: string;
}

/** What became of one publish. */
export type PublishReply =
  | { readonly kind: "published" }
  | { readonly kind: "refused"; readonly code: number; readonly message: string };

/** What became of a batch: an answer, or none (then it may have been carried out or not). */
export type BatchOutcome =
  | { readonly kind: "answered"; readonly replies: readonly PublishReply[] }
  | { readonly kind: "unknown"; readonly reason: string };

export interface BatchApi {
  /**
   * Publishes in order, one after the other; one reply per publish. Throws `ReplayError` when trying again would not
   * help (wrong key, wrong address), the signal's reason when it is aborted.
   */
  publish(publishes: readonly Publish[], signal: AbortSignal): Promise<BatchOutcome>;
}

export interface BatchApiOptions {
  /** Of the server, without `/api`. */
  readonly url: string;
  /** undefined: the server asks for none. */
  readonly apiKey: string | undefined;
  /** For the message after a 401: where the key was found. */
  readonly apiKeyOrigin: string;
  readonly clock: Pick<Clock, "after">;
  /** Default 10 000: the server answers within 10 s. */
  readonly timeoutMs?: number;
}

/** The server API's `batch` over HTTP. */
export function createBatchApi({
  url,
  apiKey,
  apiKeyOrigin,
  clock,
  timeoutMs = 10_000,
}: BatchApiOptions): BatchApi {
  const endpoint = `${url.replace(/\/+$/, "")}/api/batch`;
  const headers = {
    "Content-Type": "application/json",
    ...(apiKey === undefined ? {} : { "X-API-Key": apiKey }),
  };
  return {
    async publish(publishes, signal) {
      signal.throwIfAborted();
      const timeout = new AbortController();
      const timer = clock.after(timeoutMs, () => timeout.abort());
      try {
        const response = await fetch(endpoint, {
          method: "POST",
          headers,
          body: batchJson(publishes),
          redirect: "manual",
          signal: AbortSignal.any([signal, timeout.signal]),
        });
        const body = await response.text();
        return readAnswer(response, body, publishes.length, { url, apiKeyOrigin });
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
    },
  };
}

/** By hand: the data is JSON text already, and its digits must stay. */
function batchJson(publishes: readonly Publish[]): string {
  const commands = publishes.map(
    ({ channel, data, idempotencyKey }) =>
      `{"publish":{"channel":${JSON.stringify(channel)},"data":${data},"idempotency_key":${JSON.stringify(idempotencyKey)}}}`,
  );
  return `{"commands":[${commands.join(",")}]}`;
}

const answerSchema = z.object({
  replies: z.array(
    z.object({ error: z.object({ code: z.number(), message: z.string() }).optional() }),
  ),
});

function readAnswer(
  response: Response,
  body: string,
  count: number,
  { url, apiKeyOrigin }: Pick<BatchApiOptions, "url" | "apiKeyOrigin">,
): BatchOutcome {
  const { status } = response;
  if (status === 401) {
    throw new ReplayError(
      `${url} refuses the API key (401). It came from ${apiKeyOrigin}. Give the server's key in SWITCHYARD_API_KEY, or its data directory with --data-dir.`,
    );
  }
  // Servers that start, stop or are overloaded, and the proxies before them, answer so; later they may not.
  if (status >= 500 || status === 429 || status === 408)
    return { kind: "unknown", reason: `HTTP ${status}` };
  const replies = status === 200 ? parseReplies(body) : undefined;
  if (replies?.length === count) return { kind: "answered", replies };
  const detail = response.headers.get("x-error-detail") ?? body.trim().slice(0, 200);
  throw new ReplayError(
    `${url} does not answer like a Switchyard server: HTTP ${status} ${detail}`.trimEnd(),
  );
}

function parseReplies(body: string): readonly PublishReply[] | undefined {
  try {
    return answerSchema
      .parse(JSON.parse(body))
      .replies.map(({ error }) =>
        error === undefined ? { kind: "published" } : { kind: "refused", ...error },
      );
  } catch {
    return undefined;
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
