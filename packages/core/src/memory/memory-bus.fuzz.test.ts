import {
  busContract,
  FakeClock,
  fuzzSeeds,
  InMemoryStreamStore,
  SeededRandom,
  TurnClock,
  withDelays,
} from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "./memory-bus.ts";

for (const seed of fuzzSeeds(20)) {
  busContract(`memory bus with delays, seed ${seed}`, {
    capabilities: { nodes: 1, survivesDrain: true, burst: 60 },
    create: async () => {
      const clock = new FakeClock();
      const turns = new TurnClock();
      const random = new SeededRandom(seed);
      const store = new InMemoryStreamStore(clock);
      const make = () =>
        withDelays(createMemoryBus({ clock, random: random.fork(), store, node: nodeId("n1") }), {
          clock: turns,
          random: random.fork(),
        });
      return {
        nodes: [make()],
        passTime: async (ms) => {
          await turns.idle();
          await clock.advance(ms);
          await turns.idle();
        },
        quiet: () => turns.idle(),
        restarted: async () => make(),
        dispose: async () => undefined,
      };
    },
  });
}
