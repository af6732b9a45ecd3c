import type { Log, LogFields, ServerOperations } from "@switchyard/core";
import type { Hono } from "hono";
import { type RecordedCall, scriptedOperations } from "./scripted-operations.ts";
import { createServerApi, type ServerApiOptions } from "../server-api.ts";

/** 2023-11-14T22:13:20.500Z. */
export const nowMs = 1_700_000_000_500;

export interface ApiHarness {
  readonly app: Hono;
  readonly calls: RecordedCall[];
  readonly logged: { readonly level: keyof Log; readonly fields: LogFields }[];
  /** The answer's status and text. With the right key; `body` goes as it is when it is text or bytes. */
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<readonly [status: number, body: string]>;
}

/** A server API over scripted operations, called without a socket. The key is `k`, in `X-API-Key`. */
export function apiHarness(
  answers: Partial<ServerOperations> = {},
  options: Partial<ServerApiOptions> = {},
): ApiHarness {
  const { operations, calls } = scriptedOperations(answers);
  const logged: { level: keyof Log; fields: LogFields }[] = [];
  const write =
    (level: keyof Log) =>
    (fields: LogFields): void => {
      logged.push({ level, fields });
    };
  const app = createServerApi({
    operations,
    checkApiKey: (headers) => headers.get("x-api-key") === "k",
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    clock: { now: () => nowMs },
    random: { uuid: () => "generated-id" },
    draining: () => false,
    ...options,
  });
  return {
    app,
    calls,
    logged,
    post: async (path, body, headers = {}) => {
      const raw =
        body instanceof Uint8Array
          ? new Blob([body.slice()])
          : typeof body === "string"
            ? body
            : JSON.stringify(body);
      const request = { method: "POST", body: raw, headers: { "X-API-Key": "k", ...headers } };
      const response = await app.request(`http://localhost${path}`, request);
      return [response.status, await response.text()];
    },
  };
}
