import type { Sql } from "postgres";

/**
 * Ends a driver's connections after `timeoutSeconds` at most, and for good. A driver (postgres 3.4.9) that is ended while
 * a statement waits for a new connection opens that afterwards, and never closes it: the session stays in PostgreSQL, and
 * the process does not end by itself. Therefore it gets no socket any more.
 */
export async function endDriver(sql: Sql, timeoutSeconds: number): Promise<void> {
  if (timeoutSeconds === 0) refuseSockets(sql);
  try {
    await sql.end({ timeout: timeoutSeconds });
  } finally {
    refuseSockets(sql);
  }
}

/** The driver asks its options for a socket each time that it connects. */
function refuseSockets(sql: Sql): void {
  Object.assign(sql.options, {
    socket: () => {
      throw Object.assign(new Error("the connection has been ended"), { code: "CONNECTION_ENDED" });
    },
  });
}
