import { z } from "zod";

/** AMQP's short strings. */
export const longestName = 255;
const tenYearsMs = 315_360_000_000;
/** The end of the year 9999. */
export const latestMs = 253_402_300_799_999;
export const longestMs = tenYearsMs;

/** The default exchange's name in paths and documents; its real one is empty. */
const defaultExchange = "amq.default";

/** PostgreSQL's text takes neither NUL nor half a surrogate pair; U+001F parts the texts of many rows on their way there. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0") && !text.includes("\u001f");
}

const control = /\p{Cc}/u;

/** What a text that is not storable holds, in words of an error. */
export const unstorable = "NUL, U+001F or half a surrogate pair";

/** The name of an exchange or a queue. */
export const name = z
  .string()
  .min(1)
  .max(longestName)
  .refine((text) => text.isWellFormed() && !control.test(text), {
    error: "must not hold control characters",
  });

export const routingKey = z
  .string()
  .max(longestName)
  .refine(isStorable, { error: `must not hold ${unstorable}` });

/** Numbers that a double holds exactly; `1e999` is parsed as infinite, which JSON cannot say. */
export function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

const headerValue = z.union(
  [z.string().refine(isStorable), z.number().refine(isExact), z.boolean()],
  {
    error: "must be a string, a boolean, or a number of at most 2^53 − 1 (longer ones as strings)",
  },
);

export const headers = z.record(z.string().refine(isStorable), headerValue);

/** Milliseconds, from `min` to ten years. */
export function milliseconds(min: number): z.ZodInt {
  return z.int().min(min).max(longestMs);
}

/** A switch of a query: `?if_empty=true`. Off when not given. */
export function querySwitch(): z.ZodType<boolean> {
  return z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .pipe(z.boolean())
    .default(false);
}

/** An integer of a query; both ends included. */
export function queryInteger(min: number, max: number, byDefault: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,15}$/, { error: `must be an integer from ${min} to ${max}` })
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(byDefault);
}

/** The real name of an exchange that a request names. */
export function exchangeNamed(given: string): string {
  return given === defaultExchange ? "" : given;
}

/** The name of an exchange as requests and scopes have it. */
export function shownExchange(real: string): string {
  return real === "" ? defaultExchange : real;
}
