import type { Clock, ServerOperations } from "@switchyard/core";
import type { RequestFields } from "./request-fields.ts";

/** What the methods work with. */
export interface MethodContext {
  readonly operations: ServerOperations;
  readonly clock: Pick<Clock, "now">;
  /** The API error of one part of a request whose other parts go on: logged, and as JSON. */
  readonly partFailed: (thrown: unknown) => string;
}

/** A request that has been decoded. Calling it runs it and gives the result as JSON. API errors are thrown or rejections. */
export type DecodedCall = (context: MethodContext) => Promise<string>;

/** One method of the server API, whatever way it is called: by a route of its own, in a batch, or as a legacy command. */
export interface ApiMethod {
  readonly name: string;
  /** Throws `MalformedBody` when a member has the wrong type. What is missing or makes no sense is found by the call (107). */
  readonly decode: (fields: RequestFields) => DecodedCall;
}

export interface MethodParts<Request> {
  readonly name: string;
  /** As `ApiMethod.decode`. */
  readonly read: (fields: RequestFields) => Request;
  /** The result as JSON. */
  readonly run: (request: Request, context: MethodContext) => Promise<string>;
}

export function apiMethod<Request>({ name, read, run }: MethodParts<Request>): ApiMethod {
  return {
    name,
    decode: (fields) => {
      const request = read(fields);
      return (context) => run(request, context);
    },
  };
}

/** The result of methods that have nothing to say. */
export const emptyResult = "{}";
