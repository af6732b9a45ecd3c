import { SwitchyardError } from "@switchyard/core";
import { isJsonObject, type JsonObject, type JsonText } from "@switchyard/protocol";
import type { z } from "zod";
import { readMembers } from "../api/v1/read-members.ts";

/** The `data` of an rpc by `schema`, as the body of the same request over HTTP. Throws `badRequest`. */
export function readMethodData<Schema extends z.ZodType>(
  schema: Schema,
  data: JsonText | undefined,
): z.output<Schema> {
  return readMembers(schema, requireObjectText(data));
}

/** As an object whose members nobody has looked at. */
export function requireObject(data: JsonText | undefined): JsonObject {
  const value: unknown = JSON.parse(requireObjectText(data));
  if (!isJsonObject(value)) throw noObject();
  return value;
}

/** As the text of an object. Its JSON has been checked with the frame that it came in. */
export function requireObjectText(data: JsonText | undefined): JsonText {
  if (data === undefined || !data.startsWith("{")) throw noObject();
  return data;
}

function noObject(): SwitchyardError {
  return new SwitchyardError("badRequest", { detail: "data must be an object", field: "data" });
}
