import {
  asSwitchyardError,
  type Clock,
  type Log,
  type ServerOperations,
  SwitchyardError,
} from "@switchyard/core";
import { apiErrorJson } from "./api-error.ts";
import type { DecodedCall } from "./api-method.ts";

/** One HTTP request, as far as the calls in it are concerned. */
export interface RequestScope {
  readonly requestId: string;
  /** The server was shutting down when the request came: nothing in it is begun. What has begun is finished. */
  readonly refused: boolean;
}

export type CallOutcome =
  | { readonly kind: "result"; readonly json: string }
  | { readonly kind: "error"; readonly error: SwitchyardError };

export interface ApiCallsOptions {
  readonly operations: ServerOperations;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** Runs decoded calls. Whatever goes wrong is logged with the request's id and becomes an API error; nothing is thrown. */
export class ApiCalls {
  readonly #options: ApiCallsOptions;

  constructor(options: ApiCallsOptions) {
    this.#options = options;
  }

  /** `method` is for the log. */
  async run(method: string, call: DecodedCall, scope: RequestScope): Promise<CallOutcome> {
    try {
      if (scope.refused)
        throw new SwitchyardError("nodeUnavailable", { detail: "the server is shutting down" });
      const { operations, clock } = this.#options;
      const partFailed = (thrown: unknown): string =>
        apiErrorJson(this.#failed(method, thrown, scope));
      return { kind: "result", json: await call({ operations, clock, partFailed }) };
    } catch (error) {
      return { kind: "error", error: this.#failed(method, error, scope) };
    }
  }

  /** An error found before there was anything to run. */
  refuse(method: string, error: SwitchyardError, scope: RequestScope): CallOutcome {
    return { kind: "error", error: this.#failed(method, error, scope) };
  }

  #failed(method: string, thrown: unknown, { requestId }: RequestScope): SwitchyardError {
    const error = asSwitchyardError(thrown);
    const { code, logLevel } = error.row;
    const { field, message: detail, cause } = error;
    this.#options.log[logLevel](
      { requestId, method, code, field, detail, cause },
      "server API call failed",
    );
    return error;
  }
}
