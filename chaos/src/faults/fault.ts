import type { SeededRandom } from "@switchyard/testkit";
import type { DatabaseServer } from "../world/database-server.ts";
import { leaseMs, type ServerUnderTest } from "../world/server-under-test.ts";
import type { SwallowingProxy } from "../world/swallowing-proxy.ts";

export interface World {
  readonly database: DatabaseServer;
  /** With rights on the database of the server under test. */
  readonly databaseUrl: URL;
  readonly proxy: SwallowingProxy;
  readonly server: ServerUnderTest;
}

/** Does its harm and takes it back. Returns how often it did it, and which way. */
type Fault = (
  world: World,
  random: SeededRandom,
) => Promise<{ readonly times: number; readonly way: string }>;

export type FaultName =
  | "kill-server"
  | "kill-postgres"
  | "stop-server"
  | "stop-postgres"
  | "terminate"
  | "swallow";

/** Longer than the lease, and than most of what waits for it. */
function pauseMs(random: SeededRandom): number {
  return leaseMs * (1.1 + random.next() * 0.6);
}

/** kill -9: in turns while PostgreSQL is frozen, so that more is under way, and in the middle of its work. */
async function killServer({ server, database }: World, random: SeededRandom): ReturnType<Fault> {
  const isFrozen = server.incarnation % 2 === 1;
  if (isFrozen) {
    database.freeze();
    await Bun.sleep(100 + random.int(200));
  }
  try {
    await server.kill();
  } finally {
    database.thaw();
  }
  await server.start();
  return { times: 1, way: isFrozen ? "while PostgreSQL stood still" : "in the middle of its work" };
}

async function killPostgres({ database }: World): ReturnType<Fault> {
  database.kill();
  return { times: 1, way: "all its processes" };
}

/** Longer than its lease; it goes on, or another process has taken its place meanwhile. */
async function stopServer({ server }: World, random: SeededRandom): ReturnType<Fault> {
  server.freeze();
  const isReplaced = random.chance(0.5);
  await Bun.sleep(pauseMs(random));
  if (isReplaced) await server.replaceFrozen(300 + random.int(300));
  else server.thaw();
  return { times: 1, way: isReplaced ? "and replaced" : "and continued" };
}

async function stopPostgres({ database }: World, random: SeededRandom): ReturnType<Fault> {
  database.freeze();
  try {
    await Bun.sleep(pauseMs(random));
  } finally {
    database.thaw();
  }
  return { times: 1, way: "and continued" };
}

/** Ends all sessions of the server, several times. */
async function terminate({ databaseUrl }: World, random: SeededRandom): ReturnType<Fault> {
  await using sql = new Bun.SQL(databaseUrl.href, { max: 1 });
  let times = 0;
  for (let round = 1 + random.int(3); round > 0; round -= 1) {
    const ended = await sql<unknown[]>`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    times += ended.length;
    await Bun.sleep(random.int(150));
  }
  return { times, way: "backends" };
}

/** Commits whose answers do not come back, one after the other. */
async function swallow({ proxy }: World, random: SeededRandom): ReturnType<Fault> {
  const before = proxy.swallowed;
  proxy.swallow(1 + random.int(4));
  await Bun.sleep(300 + random.int(500));
  proxy.swallow(0);
  return { times: proxy.swallowed - before, way: "answers to commits" };
}

export const faults: Readonly<Record<FaultName, Fault>> = {
  "kill-server": killServer,
  "kill-postgres": killPostgres,
  "stop-server": stopServer,
  "stop-postgres": stopPostgres,
  terminate,
  swallow,
};

// The keys of a record by name.
export const faultNames = Object.keys(faults) as readonly FaultName[];
