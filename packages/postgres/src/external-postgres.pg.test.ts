import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { streamStoreContract } from "@switchyard/testkit";
import { RecordingLog } from "@switchyard/testkit";
import { hasSystemPostgres, openSystemPostgres } from "../test/system-postgres.ts";
import type { SystemPostgres } from "../test/system-postgres.ts";
import { createApplicationDatabase } from "./application-database.ts";
import { Database } from "./database.ts";
import { migrate } from "./migrations.ts";
import { PostgresStreamStore } from "./postgres-stream-store.ts";

setDefaultTimeout(30_000);

if (!hasSystemPostgres)
  process.stdout.write("SKIPPED: no PostgreSQL 15 in /usr/lib/postgresql/15\n");

describe.skipIf(!hasSystemPostgres)(
  "an external PostgreSQL 15, the oldest that is supported",
  () => {
    let server: SystemPostgres;
    let database: Database;

    beforeAll(async () => {
      server = await openSystemPostgres();
      database = new Database({ url: () => server.url, log: new RecordingLog() });
      await database.start();
      await migrate(database, { log: new RecordingLog() });
    });

    afterAll(async () => {
      await database.stop();
      await server.close();
    });

    test("is the version that this suite means", async () => {
      const [row] =
        await database.sql`select current_setting('server_version_num')::int4 / 10000 as major`;
      expect(row).toEqual({ major: 15 });
      expect(database.place).not.toContain("secret");
    });

    test("gives applications databases of their own", async () => {
      const url = await createApplicationDatabase(server.url, "orders", "cluster secret");
      expect(await createApplicationDatabase(server.url, "orders", "cluster secret")).toBe(url);
      const application = new Database({ url: () => url, log: new RecordingLog() });
      await application.start();
      await application.sql`create table mine (id int)`;
      await application.stop();
    });

    streamStoreContract("PostgreSQL 15", () => {
      const makeStore = (): PostgresStreamStore => new PostgresStreamStore({ database, node: "a" });
      return {
        store: makeStore(),
        reopen: makeStore,
        elapse: async (ms) => {
          await database.sql`update switchyard.stream_chunks set saved_at = saved_at - ${ms} * interval '1 ms'`;
        },
        close: async () => {
          await database.sql`truncate switchyard.stream_chunks`;
        },
      };
    });
  },
);
