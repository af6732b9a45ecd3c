import type { JsonObject, JsonText } from "@switchyard/protocol";
import type { ConnectionId } from "../ids.ts";
import type { CapabilityKind, CapabilityVerb } from "../ports/authenticator.ts";

/** Who calls a method. The same object for all calls of a connection. */
export interface Caller {
  readonly connection: ConnectionId;
  /** "" is anonymous. */
  readonly user: string;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
  /** By the `caps` of the connection's token: of the latest one, when it has been refreshed. */
  allows(kind: CapabilityKind, name: string, verb: CapabilityVerb): boolean;
  /** Sends a `message` push to the calling connection, whether it has room or not. */
  send(data: JsonText): void;
  /**
   * Sends `message` pushes in order, several in one transport message of up to 64 KiB, as long as the connection has
   * room; a larger one goes alone. Returns how many it has sent. Each frees one `send` of the client, such as an ack, from
   * the limit on commands per second.
   */
  sendWhileRoom(data: readonly JsonText[]): number;
  /** False: much is waiting for the client to take it (`limits.pauseBytes`). Bursts pause until it has drained. */
  hasRoom(): boolean;
  /**
   * Calls `listener` whenever there may be room again after `hasRoom` or `sendWhileRoom` has found none, at least every
   * 100 ms as long as there is none. Ends with the connection.
   */
  onDrained(listener: () => void): void;
}

/** An answer that something has to follow. */
export interface FollowedAnswer {
  readonly data: JsonText | undefined;
  /** Called when the answer has been written, before anything else is; never when the connection has ended before. */
  readonly answered: () => void;
}

/** Answers an `rpc`. Throws SwitchyardError for refusals and ApplicationError for codes of its own. */
export type RpcMethod = (
  caller: Caller,
  data: JsonText | undefined,
) => Promise<JsonText | FollowedAnswer | undefined>;
/**
 * Takes a `send` whose data has a known `type`. What is wrong with it is told by a `message` push. `parsed` is what
 * JSON.parse makes of `data`.
 */
export type SendHandler = (caller: Caller, data: JsonText, parsed: JsonObject) => void;
/** Answers the server API's rpc. */
export type ServerMethod = (params: JsonText | undefined) => Promise<JsonText | undefined>;

/** Methods that the rest of the system offers over the client protocol. Filled before the hub starts. */
export class MethodRegistry {
  readonly rpc = new Map<string, RpcMethod>();
  readonly send = new Map<string, SendHandler>();
  readonly server = new Map<string, ServerMethod>();
}
