import { DatabaseError, errorCode } from "./database-error.ts";

/** Parses a `postgres://` or `postgresql://` URL. The error does not repeat it: it may hold a password. */
function parseDatabaseUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // falls through to the error below, without the URL in its cause
  }
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new DatabaseError(
      "unreachable",
      "The database URL is not one. It has the form postgres://user:password@host:5432/database; " +
        "special characters of a password are percent-encoded.",
    );
  }
  return url;
}

/** Host, port and database of a URL, for messages: no user, no password. */
export function describeDatabaseUrl(text: string): string {
  const url = parseDatabaseUrl(text);
  return `${url.hostname}:${url.port === "" ? "5432" : url.port}${url.pathname}`;
}

/** SQLSTATEs of a connection that the server refused for good: 28… authorisation, 3D000 no such database. */
const refused = /^(28...|3D000)$/;

/** Whether another try at connecting cannot help. */
export function isRefused(error: unknown): boolean {
  return refused.test(errorCode(error) ?? "");
}

/** Statements fail with SQLSTATEs; of those, classes 08, 53 and 57 say that the server is not there for us now. */
const statementFailed = /^(?=.*\d)(?!08|53|57)[0-9A-Z]{5}$/;

/** A failed connection in words of ours. `DatabaseError`s pass unchanged. */
export function connectError(url: string, error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const code = errorCode(error) ?? "unknown";
  const place = describeDatabaseUrl(url);
  if (isRefused(error)) {
    return new DatabaseError(
      "credentials",
      `PostgreSQL at ${place} refuses the connection (${code}). Check user, password and database name in the URL.`,
      error,
    );
  }
  if (statementFailed.test(code)) {
    const said = error instanceof Error ? error.message : "";
    return new DatabaseError(
      "unsuitable",
      `PostgreSQL at ${place} refuses a statement (${code}): ${said}`,
      error,
    );
  }
  return new DatabaseError(
    "unreachable",
    `PostgreSQL at ${place} cannot be reached (${code}). Check that it runs and that the address is right.`,
    error,
  );
}
