import { type ErrorName, errorTable } from "./error-table.ts";

export interface SwitchyardErrorOptions {
  /** What was wrong and what would be right; safe to show to the caller. Default: the table's message. */
  readonly detail?: string;
  /** The member of the request that is wrong. */
  readonly field?: string;
  readonly cause?: unknown;
}

/** The one error class. Only code, safe message and request id leave the process; `cause` goes to the log. */
export class SwitchyardError extends Error {
  override readonly name = "SwitchyardError";
  readonly kind: ErrorName;
  readonly field: string | undefined;

  constructor(kind: ErrorName, options: SwitchyardErrorOptions = {}) {
    super(options.detail ?? errorTable[kind].message, { cause: options.cause });
    this.kind = kind;
    this.field = options.field;
  }

  get row(): (typeof errorTable)[ErrorName] {
    return errorTable[this.kind];
  }
}

/** What `thrown` is to the outside: itself, or an internal error with `thrown` as its cause. */
export function asSwitchyardError(thrown: unknown): SwitchyardError {
  return thrown instanceof SwitchyardError
    ? thrown
    : new SwitchyardError("internal", { cause: thrown });
}
