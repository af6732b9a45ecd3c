import type { SwitchyardError } from "@switchyard/core";
import { z } from "zod";

export const errorSchema = z.strictObject({
  code: z.int().describe("From the table in docs/http-api.md."),
  message: z.string().describe("What was wrong and what would be right."),
  field: z.string().optional().describe("The member of the request that is wrong."),
});

/** `{"code","message","field"}`. With `index`: of one of several. */
export function errorJson({ row, message, field }: SwitchyardError, index?: number): string {
  const where = field === undefined ? "" : `,"field":${JSON.stringify(field)}`;
  const which = index === undefined ? "" : `,"index":${index}`;
  return `{"code":${row.code},"message":${JSON.stringify(message)}${where}${which}}`;
}
