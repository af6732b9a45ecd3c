/** What Bun says when it has refused something; the rest are breaches of the protocol. */
const refusals: ReadonlyMap<string, number> = new Map([
  ["Received too big message", 1009],
  ["Received invalid UTF-8", 1007],
  ["Received invalid compressed data", 1007],
]);

/**
 * The WebSocket close code (RFC 6455 section 7.4.1) of a connection that ended with `code` and `reason` in Bun's
 * close handler. When Bun has refused a frame, the code there is 1006, whatever it has told the peer, and the reason
 * is its own: no peer can send 1006.
 */
export function closeCode(code: number, reason: string): number {
  if (code !== 1006 || !reason.startsWith("Received ")) return code;
  return refusals.get(reason) ?? 1002;
}
