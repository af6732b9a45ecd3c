import { afterAll, beforeAll } from "bun:test";
import { queueStoreContract, RecordingLog, topologyStoreContract } from "@switchyard/testkit";
import { openBrokerStores } from "../../test/broker-stores.ts";
import { openEmbeddedDatabase } from "../../test/embedded-database.ts";
import type { EmbeddedDatabase } from "../../test/embedded-database.ts";
import { Database } from "../database.ts";
import { migrate } from "../migrations.ts";

let embedded: EmbeddedDatabase;
let database: Database;

beforeAll(async () => {
  embedded = await openEmbeddedDatabase();
  const log = new RecordingLog();
  database = new Database({ url: () => embedded.server.url, log });
  await database.start();
  await migrate(database, { log });
}, 30_000);

afterAll(async () => {
  await database.stop();
  await embedded.close();
});

const openHarness = (): ReturnType<typeof openBrokerStores> =>
  openBrokerStores(embedded.server.url, database);

queueStoreContract("embedded PostgreSQL", openHarness);
topologyStoreContract("embedded PostgreSQL", openHarness);
