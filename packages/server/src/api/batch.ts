import { SwitchyardError } from "@switchyard/core";
import type { ApiCalls, CallOutcome, RequestScope } from "./api-calls.ts";
import { apiErrorJson } from "./api-error.ts";
import type { DecodedCall } from "./api-method.ts";
import { apiMethods } from "./method-table.ts";
import { RequestFields } from "./request-fields.ts";
import { maxParallelParts, runParts } from "./run-parts.ts";

type BatchCommand =
  | { readonly kind: "call"; readonly method: string; readonly call: DecodedCall }
  | { readonly kind: "none"; readonly error: "badRequest" | "nodeUnknown" };

/** Levels below the body's members: the commands, their methods, the members of each request. */
const requestDepth = 3;

/**
 * Runs many requests in one: `{"commands":[{"<method>": request}, …], "parallel"?}` → `{"replies":[…]}`, reply i to
 * command i, without a `result` around it. Everything is decoded before anything runs: throws `MalformedBody`.
 * Commands that fail do not stop others. Not parallel: strictly one after another.
 */
export async function runBatch(
  body: string,
  calls: ApiCalls,
  scope: RequestScope,
): Promise<string> {
  const fields = RequestFields.fromBody(body, requestDepth);
  const parallel = fields.boolean("parallel") ? maxParallelParts : 1;
  const commands = fields.objects("commands").map(decodeCommand);
  const replies = await runParts(commands.length, parallel, async (index) => {
    const command = commands[index] ?? { kind: "none", error: "badRequest" };
    if (command.kind === "none")
      return reply("batch", calls.refuse("batch", new SwitchyardError(command.error), scope));
    return reply(command.method, await calls.run(command.method, command.call, scope));
  });
  return `{"replies":[${replies.join(",")}]}`;
}

function decodeCommand(command: RequestFields | undefined): BatchCommand {
  if (command === undefined) return { kind: "none", error: "badRequest" };
  let first: BatchCommand | undefined;
  for (const method of apiMethods) {
    const request = command.object(method.name);
    if (request === undefined) continue;
    const call = method.decode(request); // also those that do not run: a wrong type anywhere spoils the batch
    first ??= { kind: "call", method: method.name, call };
  }
  return first ?? { kind: "none", error: "nodeUnknown" };
}

function reply(method: string, outcome: CallOutcome): string {
  return outcome.kind === "result"
    ? `{"${method}":${outcome.json}}`
    : `{"error":${apiErrorJson(outcome.error)}}`;
}
