/**
 * - `unreachable`: nobody answers at the address, or not in time
 * - `credentials`: the server refuses the user, the password or the database name
 * - `unsuitable`: it answers, but is too old, not UTF-8 or lacks a right
 * - `owned`: another live server owns the data directory
 * - `folder`: a folder cannot be made, entered or read by the one who must
 * - `binaries`: no PostgreSQL for this platform is installed
 * - `startFailed`, `stopFailed`: the embedded server did not start or stop
 * - `migration`: the schema and this version of the code do not fit
 * - `name`: not a name for an application's database
 */
export type DatabaseFault =
  | "unreachable"
  | "credentials"
  | "unsuitable"
  | "owned"
  | "folder"
  | "binaries"
  | "startFailed"
  | "stopFailed"
  | "migration"
  | "name";

/** What went wrong with the store, in words that say what to do. Holds no password. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly fault: DatabaseFault;

  constructor(fault: DatabaseFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** The code of a system or PostgreSQL error (`ENOENT`, `ECONNREFUSED`, SQLSTATE `3D000`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
