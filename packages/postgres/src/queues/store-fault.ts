import { SwitchyardError } from "@switchyard/core";
import { DatabaseError, errorCode } from "../database-error.ts";

/**
 * SQLSTATEs that say "not now", whatever the statement: 08 connection, 40 rolled back (deadlock and the like),
 * 53 resources, 57 operator (shutdown, timeout, termination), 58 system; 25006 a server that became a standby; 28 and 3D000
 * a server that no longer lets us in; 55P03 a lock that was not free.
 */
const notNow = /^(?:(?:08|28|40|53|57|58)...|25006|3D000|55P03)$/;
/** What the values are to blame for: 22 data, 23 constraints, 54 limits. */
const valueRefused = /^(?:22|23|54)...$/;
/** With a digit, unlike EPIPE. */
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;

/**
 * A failed statement in words of the port: `storeUnavailable` when it may be repeated, and may have taken effect;
 * `badRequest` and `internal` when it had none. Told by code alone.
 */
export function asStoreFault(error: unknown): SwitchyardError {
  if (error instanceof SwitchyardError) return error;
  const code = errorCode(error);
  if (error instanceof DatabaseError || (code !== undefined && !isStatementFault(code)))
    return new SwitchyardError("storeUnavailable", { cause: error });
  if (code !== undefined && valueRefused.test(code))
    return new SwitchyardError("badRequest", { detail: "the store refuses a value", cause: error });
  return new SwitchyardError("internal", { cause: error });
}

/** Every other code is one of the driver's or the system's: the connection failed (`CONNECTION_CLOSED`, `ECONNRESET`). */
function isStatementFault(code: string): boolean {
  return sqlState.test(code) && !notNow.test(code);
}
