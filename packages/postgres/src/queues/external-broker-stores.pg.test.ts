import { afterAll, beforeAll, describe } from "bun:test";
import { queueStoreContract, RecordingLog, topologyStoreContract } from "@switchyard/testkit";
import { openBrokerStores } from "../../test/broker-stores.ts";
import { hasSystemPostgres, openSystemPostgres } from "../../test/system-postgres.ts";
import type { SystemPostgres } from "../../test/system-postgres.ts";
import { Database } from "../database.ts";
import { migrate } from "../migrations.ts";

if (!hasSystemPostgres)
  process.stdout.write("SKIPPED: no PostgreSQL 15 in /usr/lib/postgresql/15\n");

describe.skipIf(!hasSystemPostgres)("an external PostgreSQL 15", () => {
  let server: SystemPostgres;
  let database: Database;

  beforeAll(async () => {
    server = await openSystemPostgres();
    const log = new RecordingLog();
    database = new Database({ url: () => server.url, log });
    await database.start();
    await migrate(database, { log });
  }, 30_000);

  afterAll(async () => {
    await database.stop();
    await server.close();
  });

  const openHarness = (): ReturnType<typeof openBrokerStores> =>
    openBrokerStores(server.url, database);

  queueStoreContract("PostgreSQL 15", openHarness);
  topologyStoreContract("PostgreSQL 15", openHarness);
});
