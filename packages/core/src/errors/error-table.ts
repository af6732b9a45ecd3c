/** How loud a fault is in the log. */
export type LogLevel = "debug" | "info" | "warn" | "error";

interface ErrorRow {
  /** Error code of the client protocol (section 4) and of the server API (4.7). */
  readonly code: number;
  readonly message: string;
  /** The client may try the same again later. */
  readonly temporary: boolean;
  readonly httpStatus: number;
  /** gRPC status name. */
  readonly grpcStatus: string;
  readonly logLevel: LogLevel;
}

const row = (
  code: number,
  message: string,
  httpStatus: number,
  grpcStatus: string,
  more: { temporary?: boolean; logLevel?: LogLevel } = {},
): ErrorRow => ({
  code,
  message,
  httpStatus,
  grpcStatus,
  temporary: more.temporary ?? false,
  logLevel: more.logLevel ?? "info",
});

/** Every fault and refusal that may leave the process, by the name of its situation. */
export const errorTable = {
  internal: row(100, "internal server error", 500, "INTERNAL", {
    temporary: true,
    logLevel: "error",
  }),
  /** The bus or the store cannot be reached; nothing is known to be wrong with the request. */
  busUnavailable: row(100, "internal server error", 500, "INTERNAL", {
    temporary: true,
    logLevel: "warn",
  }),
  nodeUnavailable: row(100, "internal server error", 500, "INTERNAL", {
    temporary: true,
    logLevel: "warn",
  }),
  nodeUnknown: row(104, "not found", 404, "NOT_FOUND"),
  unauthorized: row(101, "unauthorized", 401, "UNAUTHENTICATED"),
  unknownChannel: row(102, "unknown channel", 404, "NOT_FOUND"),
  permissionDenied: row(103, "permission denied", 403, "PERMISSION_DENIED"),
  methodNotFound: row(104, "method not found", 404, "NOT_FOUND"),
  alreadySubscribed: row(105, "already subscribed", 409, "ALREADY_EXISTS"),
  limitExceeded: row(106, "limit exceeded", 429, "RESOURCE_EXHAUSTED"),
  badRequest: row(107, "bad request", 400, "INVALID_ARGUMENT"),
  notAvailable: row(108, "not available", 400, "INVALID_ARGUMENT"),
  tokenExpired: row(109, "token expired", 401, "UNAUTHENTICATED"),
  expired: row(110, "expired", 401, "UNAUTHENTICATED"),
  tooManyRequests: row(111, "too many requests", 429, "RESOURCE_EXHAUSTED", { temporary: true }),
  unrecoverablePosition: row(112, "unrecoverable position", 416, "OUT_OF_RANGE"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof errorTable;
