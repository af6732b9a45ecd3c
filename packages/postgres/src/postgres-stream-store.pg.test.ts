import { afterAll, beforeAll, expect, test } from "bun:test";
import { channelName } from "@switchyard/core";
import type { StreamSnapshot } from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";
import { streamStoreContract } from "@switchyard/testkit";
import { openEmbeddedDatabase } from "../test/embedded-database.ts";
import type { EmbeddedDatabase } from "../test/embedded-database.ts";
import { RecordingLog } from "@switchyard/testkit";
import { Database } from "./database.ts";
import { migrate } from "./migrations.ts";
import { PostgresStreamStore } from "./postgres-stream-store.ts";

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

const makeStore = (node = "a"): PostgresStreamStore => new PostgresStreamStore({ database, node });

streamStoreContract("PostgreSQL", () => ({
  store: makeStore(),
  reopen: () => makeStore(),
  // The store measures by PostgreSQL's clock, which cannot be moved: the ends of the lives are moved instead.
  elapse: async (ms) => {
    await database.sql`update switchyard.stream_chunks set saved_at = saved_at - ${ms} * interval '1 ms'`;
  },
  close: async () => {
    await database.sql`truncate switchyard.stream_chunks`;
  },
}));

const stream = (channel: string): StreamSnapshot => ({
  channel: channelName(channel),
  epoch: "e",
  top: 1,
  publications: [],
  metaTtlLeftMs: 60_000,
  version: 0,
  versionEpoch: "",
});

test("nodes that share a database do not take each other's streams", async () => {
  await makeStore("a").save([stream("of:a")]);
  await makeStore("b").save([stream("of:b")]);
  expect((await makeStore("b").take()).map(({ channel }) => String(channel))).toEqual(["of:b"]);
  expect((await makeStore("a").take()).map(({ channel }) => String(channel))).toEqual(["of:a"]);
});

test("100,000 publications are saved and taken in the time that a shutdown has", async () => {
  const data = trustJsonText(JSON.stringify({ text: "x".repeat(100) }));
  function* many(): Generator<StreamSnapshot> {
    for (let index = 0; index < 1_000; index += 1) {
      const publications = Array.from({ length: 100 }, (_, offset) => ({
        publication: {
          data,
          offset: offset + 1,
          id: "i",
          info: undefined,
          tags: undefined,
          publishedAt: 1,
        },
        ttlLeftMs: 60_000,
      }));
      yield { ...stream(`many:${index}`), top: 100, publications };
    }
  }
  const startedAt = performance.now();
  await makeStore().save(many());
  const savedAt = performance.now();
  const taken = await makeStore().take();
  const takenAt = performance.now();
  expect(taken.reduce((sum, { publications }) => sum + publications.length, 0)).toBe(100_000);
  process.stdout.write(
    `save ${Math.round(savedAt - startedAt)} ms, take ${Math.round(takenAt - savedAt)} ms for 100,000 publications\n`,
  );
}, 30_000);
