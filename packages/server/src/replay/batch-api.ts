import type { Clock } from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";
import { z } from "zod";
import { type PostOutcome, postToServer, type ServerAccess } from "./post-to-server.ts";
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

export interface BatchApiOptions extends ServerAccess {
  readonly clock: Pick<Clock, "after">;
}

/** The server API's `batch` over HTTP. */
export function createBatchApi({ clock, ...access }: BatchApiOptions): BatchApi {
  return {
    async publish(publishes, signal) {
      const request = { path: "/api/batch", body: batchJson(publishes) };
      const outcome = await postToServer(request, access, clock, signal);
      return outcome.kind === "unknown"
        ? outcome
        : readAnswer(outcome, publishes.length, access.url);
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
  { status, headers, body }: Extract<PostOutcome, { readonly kind: "answered" }>,
  count: number,
  url: string,
): BatchOutcome {
  const replies = status === 200 ? parseReplies(body) : undefined;
  if (replies?.length === count) return { kind: "answered", replies };
  const detail = headers.get("x-error-detail") ?? body.trim().slice(0, 200);
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
