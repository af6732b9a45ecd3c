import type { Clock } from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";
import { z } from "zod";
import { postToServer, type ServerAccess } from "./post-to-server.ts";
import { ReplayError } from "./replay-error.ts";

export interface ReplayEvent {
  readonly id: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string | boolean>>;
  readonly body: JsonText;
}

/** What became of one event. */
export type EventReply =
  | { readonly kind: "confirmed"; readonly routed: number }
  | { readonly kind: "refused"; readonly code: number; readonly message: string };

/** What became of a batch: an answer, or none (then it may have been carried out or not). */
export type EventsOutcome =
  | { readonly kind: "answered"; readonly replies: readonly EventReply[] }
  | { readonly kind: "unknown"; readonly reason: string };

export interface ExchangeApi {
  /** As `BatchApi.publish`, for events of one exchange. */
  publish(events: readonly ReplayEvent[], signal: AbortSignal): Promise<EventsOutcome>;
}

/** `POST /v1/exchanges/{name}/publish`. */
export function createExchangeApi(
  exchange: string,
  access: ServerAccess,
  clock: Pick<Clock, "after">,
): ExchangeApi {
  const name = encodeURIComponent(exchange === "" ? "amq.default" : exchange);
  return {
    async publish(events, signal) {
      const outcome = await postToServer(
        { path: `/v1/exchanges/${name}/publish`, body: eventsJson(events) },
        access,
        clock,
        signal,
      );
      if (outcome.kind === "unknown") return outcome;
      const replies = outcome.status === 200 ? parseResults(outcome.body) : undefined;
      if (replies?.length === events.length) return { kind: "answered", replies };
      throw new ReplayError(
        `${access.url} refuses to publish to the exchange ${exchange}: HTTP ${outcome.status} ${messageOf(outcome.body)}`,
      );
    },
  };
}

/** By hand: the body is JSON text already, and its digits must stay. */
function eventsJson(events: readonly ReplayEvent[]): string {
  const members = events.map(
    ({ id, key, headers, body }) =>
      `{"id":${JSON.stringify(id)},"key":${JSON.stringify(key)},"headers":${JSON.stringify(headers)},"body":${body}}`,
  );
  return `{"events":[${members.join(",")}]}`;
}

const resultsSchema = z.object({
  results: z.array(
    z.union([
      z.object({ error: z.object({ code: z.number(), message: z.string() }) }),
      z.object({ routed: z.number() }),
    ]),
  ),
});

function parseResults(body: string): readonly EventReply[] | undefined {
  try {
    return resultsSchema
      .parse(JSON.parse(body))
      .results.map((result) =>
        "error" in result
          ? { kind: "refused", ...result.error }
          : { kind: "confirmed", routed: result.routed },
      );
  } catch {
    return undefined;
  }
}

function messageOf(body: string): string {
  try {
    return z.object({ message: z.string() }).parse(JSON.parse(body)).message;
  } catch {
    return body.trim().slice(0, 200);
  }
}
