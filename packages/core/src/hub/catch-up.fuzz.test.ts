import { describe, expect, test } from "bun:test";
import {
  FakeClock,
  fuzzSeeds,
  RecordingFanOut,
  SeededRandom,
  type TestClient,
  TestHub,
  turn,
  TurnClock,
  withDelays,
} from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";

const queueBytes = 8_000;
const pauseBytes = 2_000;
const channel = "a";
const missed = 40;

interface World {
  readonly random: SeededRandom;
  readonly delayClock: TurnClock;
  readonly hub: TestHub;
  readonly client: TestClient;
  published: number;
}

/** A client that takes only what `read` lets it take, a link that ends when too much waits, and a slow bus. */
async function createWorld(seed: number): Promise<World> {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const delayClock = new TurnClock();
  const memory = createMemoryBus({ clock, random, node: nodeId("n") });
  const maxDelayMs = random.pick([2, 10]);
  const hub = new TestHub({
    clock,
    random,
    bus: withDelays(memory, { clock: delayClock, random, maxDelayMs }),
    limits: { queueBytes, pauseBytes },
    client: { pingIntervalMs: 0, connectTimeoutMs: 1e9 },
  });
  const starting = hub.start();
  await delayClock.idle();
  await starting;
  const client = hub.open("ann", new RecordingFanOut({ queueBytes }));
  const world = { random, delayClock, hub, client, published: 0 };
  for (let n = 0; n < missed; n += 1) await publish(world, 900);
  client.send({ connect: {} });
  await delayClock.idle();
  client.link.stopReading();
  return world;
}

async function publish(world: World, mostCharacters: number): Promise<void> {
  world.published += 1;
  const text = "x".repeat(world.random.int(mostCharacters));
  await world.hub.publish(channel, JSON.stringify(text));
}

function read({ client }: World): void {
  client.link.resumeReading();
  client.link.stopReading();
  client.connection.drained();
}

interface Wire {
  readonly offset: number;
}

function offsets({ client }: World): readonly number[] {
  return client.messages.flatMap(({ subscribe, push }) => {
    const { publications = [] } = (subscribe ?? {}) as { readonly publications?: readonly Wire[] };
    const { pub } = (push ?? {}) as { readonly pub?: Wire };
    return [...publications, ...(pub ? [pub] : [])].map(({ offset }) => offset);
  });
}

describe("behind on a slow bus while publications go on: all of them, in order, on one subscription", () => {
  for (const seed of fuzzSeeds(40)) {
    test(`seed ${seed}`, async () => {
      const world = await createWorld(seed);
      const { random, client, hub, delayClock } = world;
      client.send({ subscribe: { channel, recover: true } });
      for (let step = 0; step < 120; step += 1) {
        const publishing = random.chance(0.4) ? publish(world, 100) : undefined;
        for (let turns = random.int(4); turns > 0; turns -= 1) await turn();
        if (random.chance(0.6)) read(world);
        await publishing;
      }
      do {
        read(world);
        await delayClock.idle();
      } while (client.link.bufferedBytes() > 0);
      expect(offsets(world)).toEqual(Array.from({ length: world.published }, (_, at) => at + 1));
      expect(client.link.isOpen).toBe(true);
      expect(client.pushes.filter((push) => "unsubscribe" in push)).toEqual([]);
      // It has become one of the channel's own again.
      expect(client.link.topics.size).toBe(1);
      client.vanish();
      await delayClock.idle();
      expect(hub.hub.services.channels.size).toBe(0);
      const stopping = hub.stop();
      await delayClock.idle();
      await stopping;
    });
  }
});
