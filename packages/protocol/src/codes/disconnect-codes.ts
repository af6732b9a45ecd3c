/**
 * Why the server ends a connection (protocol 5). Clients reconnect except for codes 3500–3999 and 4500–4999.
 */
export interface Disconnect {
  readonly code: number;
  /** Plain text, at most 123 bytes of UTF-8 (RFC 6455 section 5.5.1). */
  readonly reason: string;
}

export const disconnects = {
  /** The transport ended; nothing is sent. */
  connectionClosed: { code: 3000, reason: "connection closed" },
  shutdown: { code: 3001, reason: "shutdown" },
  internalError: { code: 3004, reason: "internal server error" },
  connectionExpired: { code: 3005, reason: "connection expired" },
  subscriptionExpired: { code: 3006, reason: "subscription expired" },
  slow: { code: 3008, reason: "slow" },
  writeError: { code: 3009, reason: "write error" },
  insufficientState: { code: 3010, reason: "insufficient state" },
  forceReconnect: { code: 3011, reason: "force reconnect" },
  noPong: { code: 3012, reason: "no pong" },
  tooManyRequests: { code: 3013, reason: "too many requests" },
  stateInvalidated: { code: 3014, reason: "state invalidated" },
  invalidToken: { code: 3500, reason: "invalid token" },
  badRequest: { code: 3501, reason: "bad request" },
  stale: { code: 3502, reason: "stale" },
  forceDisconnect: { code: 3503, reason: "force disconnect" },
  connectionLimit: { code: 3504, reason: "connection limit" },
  channelLimit: { code: 3505, reason: "channel limit" },
  inappropriateProtocol: { code: 3506, reason: "inappropriate protocol" },
  permissionDenied: { code: 3507, reason: "permission denied" },
  notAvailable: { code: 3508, reason: "not available" },
  tooManyErrors: { code: 3509, reason: "too many errors" },
  /** RFC 6455 section 7.4.1: a frame above the limit. Clients do not reconnect. */
  frameTooBig: { code: 1009, reason: "message too big" },
} as const satisfies Record<string, Disconnect>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const maxReasonBytes = 123;

/** Cuts a reason to what a WebSocket close frame holds, at a character boundary. */
export function closeReason(reason: string): string {
  const bytes = encoder.encode(reason);
  if (bytes.length <= maxReasonBytes) return reason;
  let end = maxReasonBytes;
  // 10xxxxxx is a continuation byte: step back to the start of the character that does not fit.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return decoder.decode(bytes.subarray(0, end));
}
