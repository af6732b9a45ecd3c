import type { JsonText } from "@switchyard/protocol";
import { ApplicationError } from "../../errors/application-error.ts";
import { SwitchyardError } from "../../errors/switchyard-error.ts";
import { type Answer, refused, replied } from "../answer.ts";
import type { Connection } from "../connection.ts";

/** Protocol 3.7. Without any method: not available (108); an unknown one: 104. A refusal says what was wrong. */
export async function rpc(
  connection: Connection,
  name: string,
  data: JsonText | undefined,
): Promise<Answer> {
  const methods = connection.services.methods.rpc;
  if (methods.size === 0) return refused("notAvailable");
  const method = methods.get(name);
  if (!method) return refused("methodNotFound");
  try {
    const answer = await method(connection.caller, data);
    if (typeof answer !== "object") return replied({ method: "rpc", data: answer });
    return {
      kind: "reply",
      reply: { method: "rpc", data: answer.data },
      answered: answer.answered,
    };
  } catch (error) {
    // Refusals are outcomes like others. The store and the bus say by themselves what is wrong with them, once for all.
    if (error instanceof SwitchyardError && error.kind !== "internal")
      return { kind: "refusal", error: error.kind, message: error.message };
    if (error instanceof ApplicationError)
      return { kind: "applicationError", code: error.code, message: error.message };
    throw error;
  }
}
