import type { JsonText } from "@switchyard/protocol";
import type { ConnectionId } from "../ids.ts";

/** Who calls a method. */
export interface Caller {
  readonly connection: ConnectionId;
  readonly user: string;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
  /** Sends a `message` push to the calling connection. */
  send(data: JsonText): void;
}

/** Answers an `rpc`. Throws SwitchyardError for refusals and ApplicationError for codes of its own. */
export type RpcMethod = (
  caller: Caller,
  data: JsonText | undefined,
) => Promise<JsonText | undefined>;
/** Takes a `send` whose data has a known `type`. What is wrong with it is told by a `message` push. */
export type SendHandler = (caller: Caller, data: JsonText) => void;
/** Answers the server API's rpc. */
export type ServerMethod = (params: JsonText | undefined) => Promise<JsonText | undefined>;

/** Methods that the rest of the system offers over the client protocol. Filled before the hub starts. */
export class MethodRegistry {
  readonly rpc = new Map<string, RpcMethod>();
  readonly send = new Map<string, SendHandler>();
  readonly server = new Map<string, ServerMethod>();
}
