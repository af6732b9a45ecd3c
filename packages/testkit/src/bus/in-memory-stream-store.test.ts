import { streamStoreContract } from "../contracts/stream-store-contract.ts";
import { FakeClock } from "../time/fake-clock.ts";
import { InMemoryStreamStore } from "./in-memory-stream-store.ts";

streamStoreContract("in memory", () => {
  const clock = new FakeClock();
  const store = new InMemoryStreamStore(clock);
  return {
    store,
    reopen: () => store,
    elapse: (ms) => clock.advanceNow(ms),
    close: () => undefined,
  };
});
