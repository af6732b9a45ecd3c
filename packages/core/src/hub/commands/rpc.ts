import type { JsonText } from "@switchyard/protocol";
import { ApplicationError } from "../../errors/application-error.ts";
import { type Answer, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";

/** Protocol 3.7. Without any method: not available (108); an unknown one: 104. */
export async function rpc(
  connection: Connection,
  name: string,
  data: JsonText | undefined,
): Promise<Answer> {
  const methods = connection.services.methods.rpc;
  if (methods.size === 0) return refused("notAvailable");
  const method = methods.get(name);
  if (!method) return refused("methodNotFound");
  const caller = {
    connection: connection.id,
    user: connection.user,
    signal: connection.signal,
    send: (message: JsonText) => connection.push({ type: "message", data: message }),
  };
  try {
    return replied({ method: "rpc", data: await method(caller, data) });
  } catch (error) {
    if (error instanceof ApplicationError)
      return { kind: "applicationError", code: error.code, message: error.message };
    throw error;
  }
}
