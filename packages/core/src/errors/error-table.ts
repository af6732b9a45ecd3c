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
  /** A token may be good, but its issuer's keys cannot be had. Who fetches them says so, once for many tokens. */
  keysUnavailable: row(100, "internal server error", 500, "INTERNAL", {
    temporary: true,
    logLevel: "debug",
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
  /** An exchange, a queue or a binding. Codes from 400 on are those of AMQP 0-9-1, as far as it has one. */
  notFound: row(404, "not found", 404, "NOT_FOUND"),
  /** Somebody else's exclusive queue. */
  resourceLocked: row(405, "resource locked", 409, "FAILED_PRECONDITION"),
  /** Declared with other properties, or a condition of the request does not hold. */
  preconditionFailed: row(406, "precondition failed", 409, "FAILED_PRECONDITION"),
  /** A queue with `reject-publish` takes no more: the event is stored nowhere. */
  queueFull: row(420, "queue full", 429, "RESOURCE_EXHAUSTED", { temporary: true }),
  /** PostgreSQL is away, or did not answer in time. What was asked for may still have happened. */
  storeUnavailable: row(421, "store unavailable", 503, "UNAVAILABLE", {
    temporary: true,
    logLevel: "warn",
  }),
  unrecoverablePosition: row(112, "unrecoverable position", 416, "OUT_OF_RANGE"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof errorTable;
