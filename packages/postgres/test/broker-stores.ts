import type { BrokerStoreHarness } from "@switchyard/testkit";
import { CutProxy, RecordingLog } from "@switchyard/testkit";
import { Database } from "../src/database.ts";
import { PostgresQueueStore } from "../src/queues/postgres-queue-store.ts";
import { PostgresTopologyStore } from "../src/queues/postgres-topology-store.ts";

/** Both stores of a broker, on a connection that can be cut, to the migrated `database` at `url`. */
export async function openBrokerStores(
  url: string,
  database: Database,
): Promise<BrokerStoreHarness> {
  const log = new RecordingLog();
  const proxy = await CutProxy.start(url);
  const throughProxy = new URL(url);
  throughProxy.host = proxy.host;
  const own = new Database({ url: () => throughProxy.href, log, connections: 2 });
  await own.start();
  const queues = new PostgresQueueStore({ database: own, log });
  const opened = [queues];
  return {
    queues,
    topology: new PostgresTopologyStore({ database: own }),
    reopen: () => {
      const reopened = new PostgresQueueStore({ database, log });
      opened.push(reopened);
      return { queues: reopened, topology: new PostgresTopologyStore({ database }) };
    },
    // PostgreSQL's clock cannot be moved: what it is compared with is moved instead.
    elapse: async (ms) => {
      await database.sql`update switchyard.broker_nodes set lease_until = lease_until - ${ms} * interval '1 ms'`;
      await database.sql`update switchyard.event_ids set expires_at = expires_at - ${ms}::float8`;
    },
    wipeTransient: async () => {
      await database.sql`truncate switchyard.transient_messages, switchyard.transient_markers`;
    },
    cutOff: () => void proxy.cut(),
    close: async () => {
      for (const store of opened) store.stop();
      await own.stop();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
