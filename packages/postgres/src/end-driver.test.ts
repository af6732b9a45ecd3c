import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import postgres, { type Sql } from "postgres";
import { endDriver } from "./end-driver.ts";

/** Ends a driver with `end` in the moment in which its connection breaks with a statement waiting; connections after that. */
async function connectionsAfter(end: (sql: Sql) => Promise<void>): Promise<number> {
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    socket.on("error", () => undefined);
    // The first one breaks, the others stay open without a word.
    if (accepted === 1) socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const ended = Promise.withResolvers<void>();
  const sql = postgres(`postgres://nobody@127.0.0.1:${port}/nothing`, {
    max: 1,
    backoff: false,
    connect_timeout: 1,
    fetch_types: false,
    onclose: () => void end(sql).then(ended.resolve),
  });
  const first = sql`select 1`.catch(() => undefined);
  const second = sql`select 2`.catch(() => undefined);
  await Promise.all([first, second, ended.promise]);
  const before = accepted;
  // A connection that was under way would be there by now.
  const probe = await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(50) }).catch(
    () => undefined,
  );
  expect(probe).toBeUndefined();
  server.close();
  return accepted - before - 1;
}

test("an ended driver does not connect again", async () => {
  expect(await connectionsAfter((sql) => endDriver(sql, 0))).toBe(0);
});

test("control: by itself it does", async () => {
  expect(await connectionsAfter((sql) => sql.end({ timeout: 0 }))).toBe(1);
});
