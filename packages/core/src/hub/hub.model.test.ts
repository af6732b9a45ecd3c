import { describe, expect, test } from "bun:test";
import {
  closedNamespace,
  FakeClock,
  fuzzSeeds,
  joinNodes,
  ModelClient,
  openNamespace,
  SeededRandom,
  TestHub,
  turn,
  TurnClock,
  withDelays,
  withLoss,
} from "@switchyard/testkit";
import { channelName, nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";
import type { Bus } from "../ports/bus.ts";

const channels = ["a", "b", "short:c", "loose:d"] as const;
const recoverable = channels.slice(0, 3);
const retention = { size: 10_000, ttlMs: 3_600_000, metaTtlMs: 86_400_000 };
const namespaces = {
  short: { ...openNamespace, retention: { ...retention, size: 5 } },
  loose: {
    ...closedNamespace,
    presence: true,
    allowSubscribeForClient: true,
    allowPublishForClient: true,
  },
};

interface World {
  readonly random: SeededRandom;
  readonly clock: FakeClock;
  readonly delayClock: TurnClock;
  readonly bus: Bus;
  readonly nodes: readonly TestHub[];
  readonly clients: readonly ModelClient[];
  /** What was done, for the message of a failure. */
  readonly log: string[];
  published: number;
}

async function createWorld(seed: number): Promise<World> {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const delayClock = new TurnClock();
  const bus = createMemoryBus({ clock, random, node: nodeId("bus") });
  const ids = random.chance(0.5) ? ["one"] : ["one", "two"];
  const lossRate = random.chance(0.3) ? 0.1 : 0;
  const maxDelayMs = random.pick([2, 5, 30]);
  // The smaller ones let a recovery come in pieces: a publication with its envelope takes some 70 bytes.
  const queueBytes = random.pick([1_048_576, 1_200, 400]);
  const [first = nodeId("one"), ...others] = ids.map((id) => nodeId(id));
  const buses = joinNodes(bus, { clock, nodes: [first, ...others] }).map((joined) => {
    const lossy = withLoss(joined, { loses: () => random.chance(lossRate) });
    return random.chance(0.8)
      ? withDelays(lossy, { clock: delayClock, random, maxDelayMs })
      : lossy;
  });
  const nodes = buses.map(
    (joined) =>
      new TestHub({
        clock,
        random,
        bus: joined,
        namespaces,
        limits: { queueBytes, pauseBytes: queueBytes / 4 },
        withoutNamespace: { retention },
      }),
  );
  const starts = nodes.map((node) => node.start());
  await delayClock.idle();
  await Promise.all(starts);
  const clients = Array.from(
    { length: 6 },
    (_, index) => new ModelClient(`client ${index}`, `user-${index % 3}`),
  );
  return { random, clock, delayClock, bus, nodes, clients, log: [], published: 0 };
}

function step(world: World): void {
  const { random, clients, nodes, log } = world;
  const client = random.pick(clients);
  const channel = random.pick(channels);
  const act = (what: string, run: () => void): void => {
    log.push(`${client.name}: ${what}`);
    run();
  };
  if (!client.open) return act("connect", () => client.connect(random.pick(nodes)));
  if (random.chance(0.06)) return act("cut", () => client.cut());
  if (random.chance(0.04)) return act("stall", () => client.stall());
  if (random.chance(0.06)) return act("read on", () => client.readOn());
  const dice = random.next();
  if (dice < 0.35 || client.waiting(channel)) {
    world.published += 1;
    const n = world.published;
    return act(`publish ${n} to ${channel}`, () => client.publish(channel, n));
  }
  if (dice < 0.5) {
    world.published += 1;
    const n = world.published;
    log.push(`api: publish ${n} to ${channel}`);
    return void random.pick(nodes).publish(channel, `{"n":${n}}`);
  }
  if (client.subscribed(channel)) {
    if (dice < 0.65) act(`unsubscribe ${channel}`, () => client.unsubscribe(channel));
    else if (dice < 0.75) act(`resubscribe ${channel}`, () => client.resubscribe(channel));
    return;
  }
  if (random.chance(0.15)) return act(`glance ${channel}`, () => client.glance(channel));
  act(`subscribe ${channel}`, () => client.subscribe(channel));
}

/** Lets delayed bus calls finish and the clients look at what came. */
async function settle(world: World): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await world.delayClock.idle();
    for (const client of world.clients) client.read();
  }
}

/** Everyone comes back and subscribes to everything; lost tails are found by the position check. */
async function bringAllHome(world: World): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    for (const client of world.clients) {
      client.readOn();
      if (!client.open) client.connect(world.random.pick(world.nodes));
      for (const channel of channels) {
        if (!client.subscribed(channel) && !client.waiting(channel)) client.subscribe(channel);
      }
    }
    await settle(world);
    await world.clock.advance(5_000);
    await settle(world);
  }
}

async function verify(world: World): Promise<void> {
  const { bus, clients } = world;
  for (const channel of recoverable) {
    const size = channel === "short:c" ? 5 : retention.size;
    const page = await bus.channels.history(channelName(channel), {
      since: undefined,
      limit: "all",
      reverse: false,
      retention: { ...retention, size },
    });
    const byOffset = new Map(
      page.publications.map((publication) => [publication.offset, publication.data]),
    );
    for (const client of clients) {
      expect(`${client.name} ${channel} ${client.position(channel)?.offset}`).toBe(
        `${client.name} ${channel} ${page.top.offset}`,
      );
      for (const run of client.runs.get(channel) ?? []) {
        for (const [index, n] of run.numbers.entries()) {
          const data = byOffset.get(run.startedAt + 1 + index);
          if (data !== undefined) expect(data as string).toBe(`{"n":${n}}`);
        }
      }
    }
  }
  const everyone = clients.map(({ id }) => id).toSorted();
  for (const channel of channels) {
    expect(
      [...(await bus.presence.members(channelName(channel))).keys()].map(String).toSorted(),
    ).toEqual(everyone);
  }
  for (const client of clients) {
    // Only a stream that is shorter than an absence may leave a gap.
    expect(client.toldOfGap.filter((channel) => channel !== "short:c")).toEqual([]);
    expect(new Set(client.loose).size).toBe(client.loose.length);
  }
}

async function empty(world: World): Promise<void> {
  for (const client of world.clients) client.cut();
  await settle(world);
  for (const node of world.nodes) {
    expect(node.hub.services.connections.size).toBe(0);
    expect(node.hub.services.channels.size).toBe(0);
    expect(node.fanOut.topics().size).toBe(0);
  }
  for (const channel of channels)
    expect((await world.bus.presence.members(channelName(channel))).size).toBe(0);
  const stops = world.nodes.map((node) => node.stop());
  await world.delayClock.idle();
  await Promise.all(stops);
}

describe("hub against a reference client", () => {
  for (const seed of fuzzSeeds(Number(process.env["MODEL_SEEDS"] ?? "250"))) {
    test(`seed ${seed}`, async () => {
      const world = await createWorld(seed);
      try {
        for (let count = 0; count < 150; count += 1) {
          step(world);
          if (world.random.chance(0.5))
            for (let turns = world.random.int(4); turns > 0; turns -= 1) await turn();
          for (const client of world.clients) client.read();
          if (world.random.chance(0.03)) await world.clock.advance(world.random.int(20_000));
        }
        await bringAllHome(world);
        await verify(world);
        await empty(world);
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}\n${world.log.join("\n")}`, {
          cause: error,
        });
      }
    });
  }
});
