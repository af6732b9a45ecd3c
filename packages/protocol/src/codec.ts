import type { Command } from "./command.ts";
import type { Push, Reply, ReplyError } from "./reply.ts";

/** One encoding of the protocol, chosen per connection for its whole life (protocol 1.1). Stateless. */
export interface Codec {
  /** Part of topic names: connections of one encoding share frames. */
  readonly encoding: "json";
  /** The server's ping (protocol 6.1). */
  readonly ping: string;
  /**
   * All commands of a transport message, in order. Throws ProtocolError for anything malformed, empty included:
   * then none of them is to be executed.
   */
  decode(frame: string): Command[];
  /** Each of these makes one transport message. They throw InappropriatePayload where a payload cannot be encoded. */
  reply(id: number, reply: Reply): string;
  error(id: number, error: ReplyError): string;
  push(push: Push): string;
}
