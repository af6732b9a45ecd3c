/** A frame that breaks the protocol. The connection that sent it is closed with 3501 (protocol 1.5, 2.5). */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
