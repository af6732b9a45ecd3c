import type { BrokerOperations, Log, LogFields } from "@switchyard/core";
import { type ApiKey, parseApiGrant, unrestrictedKey } from "../../../auth/api-key.ts";
import { type BrokerRoutesOptions, createBrokerRoutes } from "../broker-routes.ts";
import { type BrokerCall, scriptedBroker } from "./scripted-broker.ts";

export interface RoutesHarness {
  readonly app: ReturnType<typeof createBrokerRoutes>;
  readonly calls: BrokerCall[];
  readonly logged: { readonly level: keyof Log; readonly fields: LogFields }[];
  /** `request` is "POST /v1/…". The answer's status and text. `body` goes as it is when it is text, else as JSON. */
  ask(
    request: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<readonly [status: number, text: string]>;
}

/** The routes over a scripted broker, called without a socket, with a key that has `scopes` (default: all). */
export function routesHarness(
  answers: Partial<BrokerOperations> = {},
  { scopes, ...options }: Partial<BrokerRoutesOptions> & { scopes?: readonly string[] } = {},
): RoutesHarness {
  const { broker, calls } = scriptedBroker(answers);
  const key = scopes === undefined ? unrestrictedKey : keyWith(scopes);
  const logged: { level: keyof Log; fields: LogFields }[] = [];
  const write =
    (level: keyof Log) =>
    (fields: LogFields): void => {
      logged.push({ level, fields });
    };
  const app = createBrokerRoutes({
    broker,
    findApiKey: (headers) => (headers.get("x-api-key") === "k" ? key : undefined),
    openDocument: false,
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    random: { uuid: () => "generated-id" },
    draining: () => false,
    maxBodyBytes: 10 * 1_048_576,
    version: "1.2.3",
    ...options,
  });
  return {
    app,
    calls,
    logged,
    ask: async (request, body, headers = {}) => {
      const [method = "", path = ""] = request.split(" ");
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const init = {
        method,
        headers: { "X-API-Key": "k", ...headers },
        ...(text !== undefined && { body: text }),
      };
      const response = await app.request(`http://localhost${path}`, init, {});
      return [response.status, await response.text()];
    },
  };
}

function keyWith(scopes: readonly string[]): ApiKey {
  const grants = scopes.map((text) => {
    const grant = parseApiGrant(text);
    if (grant === undefined) throw new Error(`${text} is no scope`);
    return grant;
  });
  return { name: "shop", grants };
}
