import { SwitchyardError } from "@switchyard/core";
import { z } from "zod";
import { nearestName } from "../../config/nearest-name.ts";

/** The JSON value of a request body. "" stands for `{}`. Throws `badRequest`. */
export function parseBody(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SwitchyardError("badRequest", { detail: "the body must be one JSON object", cause });
  }
}

/** Reads a body by `schema`. Throws `badRequest` that names the first member that is wrong and what would be right. */
export function readMembers<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): z.output<Schema> {
  return readValue(schema, parseBody(text));
}

/** Reads a query by `schema`, except `api_key`. Throws `badRequest`, also for what is there twice. */
export function readQuery<Schema extends z.ZodObject>(
  schema: Schema,
  query: URLSearchParams,
): z.output<Schema> {
  const given = new Map<string, string>();
  for (const [name, value] of query) {
    if (name === "api_key") continue;
    if (given.has(name))
      throw new SwitchyardError("badRequest", { field: name, detail: `${name} is there twice` });
    given.set(name, value);
  }
  return readValue(schema, Object.fromEntries(given));
}

function readValue<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw issue === undefined ? new SwitchyardError("badRequest") : badMember(schema, issue, value);
}

/** A member that nobody knows, with the nearest one that exists. `at` is the place of the object around it. */
export function unknownMember(name: string, known: Iterable<string>, at = ""): SwitchyardError {
  const field = at === "" ? name : `${at}.${name}`;
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  return new SwitchyardError("badRequest", { field, detail: `${field} is unknown${hint}` });
}

function badMember(schema: z.ZodType, issue: z.core.$ZodIssue, value: unknown): SwitchyardError {
  const field = pathText(issue.path);
  if (issue.code === "unrecognized_keys")
    return unknownMember(issue.keys[0] ?? "", knownMembers(schema, issue.path), field);
  if (field === "")
    return new SwitchyardError("badRequest", { detail: "the body must be one JSON object" });
  if (issue.code === "invalid_type" && valueAt(value, issue.path) === undefined)
    return new SwitchyardError("badRequest", { field, detail: `${field} is missing` });
  const [first = "", ...rest] = issue.message;
  const detail = `${field}: ${first.toLowerCase()}${rest.join("")}`;
  return new SwitchyardError("badRequest", { field, detail });
}

/** ["queues", 2, "ttl_ms"] → queues[2].ttl_ms */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    // Any object or array can be asked for any member.
    at =
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return at;
}

/** The members that the object at `path` may have. */
function knownMembers(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) {
    at = inner(at);
    if (at instanceof z.ZodObject) at = at.shape[String(key)];
    else if (at instanceof z.ZodArray) at = at.element;
  }
  at = inner(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Without what is wrapped around a schema of a member that may be missing. */
function inner(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return inner(schema.unwrap());
  return schema;
}
