import {
  busContract,
  FakeClock,
  fuzzSeeds,
  joinNodes,
  SeededRandom,
  TurnClock,
  withDelays,
} from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "./memory-bus.ts";

// Two nodes on one memory bus: what the contract asks of engines that join nodes, before any server is involved.
for (const seed of fuzzSeeds(5)) {
  busContract(`two nodes on a memory bus with delays, seed ${seed}`, {
    capabilities: { nodes: 2, survivesDrain: false, burst: 60 },
    create: async () => {
      const clock = new FakeClock();
      const turns = new TurnClock();
      const random = new SeededRandom(seed);
      const bus = createMemoryBus({ clock, random: random.fork(), node: nodeId("core") });
      const joined = joinNodes(bus, { clock, nodes: [nodeId("n1"), nodeId("n2")] });
      const [first, ...others] = joined;
      const delayed = (node: typeof first) =>
        withDelays(node, { clock: turns, random: random.fork() });
      return {
        nodes: [delayed(first), ...others.map(delayed)],
        passTime: async (ms) => {
          await turns.idle();
          await clock.advance(ms);
          await turns.idle();
        },
        quiet: () => turns.idle(),
        restarted: () => Promise.reject(new Error("without the capability")),
        dispose: async () => undefined,
      };
    },
  });
}
