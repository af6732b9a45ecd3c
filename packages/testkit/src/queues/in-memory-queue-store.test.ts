import { queueStoreContract } from "../contracts/queue-store-contract.ts";
import { topologyStoreContract } from "../contracts/topology-store-contract.ts";
import type { BrokerStoreHarness } from "../contracts/queue-store-scenario.ts";
import { FakeClock } from "../time/fake-clock.ts";
import { InMemoryBrokerDatabase } from "./in-memory-broker-database.ts";
import { InMemoryQueueStore } from "./in-memory-queue-store.ts";
import { InMemoryTopologyStore } from "./in-memory-topology-store.ts";

queueStoreContract("in memory", makeHarness);
topologyStoreContract("in memory", makeHarness);

function makeHarness(): BrokerStoreHarness {
  const clock = new FakeClock();
  const database = new InMemoryBrokerDatabase(clock);
  const open = (): Pick<BrokerStoreHarness, "queues" | "topology"> => ({
    queues: new InMemoryQueueStore(database),
    topology: new InMemoryTopologyStore(database),
  });
  return {
    ...open(),
    reopen: open,
    elapse: (ms) => clock.advanceNow(ms),
    wipeTransient: () => database.wipeTransient(),
    cutOff: () => database.goAway(),
    close: () => undefined,
  };
}
