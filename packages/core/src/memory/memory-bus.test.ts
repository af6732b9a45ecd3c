import { busContract, FakeClock, InMemoryStreamStore, SeededRandom } from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "./memory-bus.ts";

busContract("memory bus", {
  capabilities: { nodes: 1, survivesDrain: true },
  create: async () => {
    const clock = new FakeClock();
    const random = new SeededRandom(1);
    const store = new InMemoryStreamStore(clock);
    const make = () => createMemoryBus({ clock, random, store, node: nodeId("n1") });
    return {
      nodes: [make()],
      passTime: (ms) => clock.advance(ms),
      quiet: () => clock.advance(0),
      restarted: async () => make(),
      dispose: async () => undefined,
    };
  },
});
