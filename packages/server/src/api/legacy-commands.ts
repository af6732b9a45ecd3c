import { SwitchyardError } from "@switchyard/core";
import type { ApiCalls, CallOutcome, RequestScope } from "./api-calls.ts";
import { apiErrorJson } from "./api-error.ts";
import type { ApiMethod, DecodedCall } from "./api-method.ts";
import { splitJsonObjects } from "./json-sequence.ts";
import { MalformedBody } from "./malformed-body.ts";
import { apiMethods, legacyNumbers, unavailableMethods } from "./method-table.ts";
import { RequestFields, uint32 } from "./request-fields.ts";
import { eventLoopTurn, partsPerTurn } from "./run-parts.ts";

const methodsByName = new Map(apiMethods.map((method) => [method.name, method]));

interface LegacyCommand {
  /** 0: none. */
  readonly id: number;
  readonly name: string;
  /** undefined: it exists elsewhere and not here. */
  readonly method: ApiMethod | undefined;
  readonly fields: RequestFields;
}

/**
 * The single-endpoint form: JSON objects `{"id"?,"method","params"}` one after another, run in order; one reply each,
 * joined by a newline with none at the end. Throws `MalformedBody` at a command that cannot be decoded or whose
 * method nobody knows; earlier ones have run by then.
 */
export async function runLegacyCommands(
  body: string,
  calls: ApiCalls,
  scope: RequestScope,
): Promise<string> {
  if (body === "") throw new MalformedBody("the body must not be empty");
  const replies: string[] = [];
  for (const text of splitJsonObjects(body)) {
    const command = decodeCommand(text);
    replies.push(reply(command.id, await run(command, calls, scope)));
    if (replies.length % partsPerTurn === 0) await eventLoopTurn();
  }
  return replies.join("\n");
}

function decodeCommand(text: string): LegacyCommand {
  const fields = RequestFields.fromBody(text, 1);
  const name = methodName(fields);
  const method = methodsByName.get(name);
  if (method === undefined && !unavailableMethods.has(name))
    throw new MalformedBody(`there is no method ${JSON.stringify(name)}`);
  return { id: fields.integer("id", uint32), name, method, fields };
}

/** A name in any case, or a number; publish when missing. */
function methodName(fields: RequestFields): string {
  if (!fields.has("method")) return "publish";
  if (fields.raw("method")?.startsWith('"')) return fields.string("method").toLowerCase();
  const number = fields.integer("method", uint32);
  const name = legacyNumbers[number];
  if (name === undefined) throw new MalformedBody(`there is no method number ${number}`);
  return name;
}

async function run(
  { name, method, fields }: LegacyCommand,
  calls: ApiCalls,
  scope: RequestScope,
): Promise<CallOutcome> {
  if (method === undefined) return calls.refuse(name, new SwitchyardError("nodeUnknown"), scope);
  return calls.run(name, (context) => decodeParams(method, fields)(context), scope);
}

/** Here parameters of the wrong type are an error of this command alone. */
function decodeParams(method: ApiMethod, fields: RequestFields): DecodedCall {
  if (method.name === "info") return method.decode(noFields);
  try {
    const params = fields.object("params");
    if (params === undefined) throw new MalformedBody("params is missing");
    return method.decode(params);
  } catch (error) {
    if (!(error instanceof MalformedBody)) throw error;
    throw new SwitchyardError("badRequest", { detail: error.message, cause: error });
  }
}

const noFields = RequestFields.fromBody("{}");

function reply(id: number, outcome: CallOutcome): string {
  const start = id === 0 ? "{" : `{"id":${id},`;
  return outcome.kind === "result"
    ? `${start}"result":${outcome.json}}`
    : `${start}"error":${apiErrorJson(outcome.error)}}`;
}
