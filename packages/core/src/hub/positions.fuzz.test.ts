import { describe, expect, test } from "bun:test";
import {
  FakeClock,
  type FaultyBus,
  fuzzSeeds,
  openNamespace,
  SeededRandom,
  type TestClient,
  TestHub,
  turn,
  TurnClock,
  withDelays,
  withFaults,
  withLoss,
} from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";

const channel = "a";

interface Position {
  readonly offset: number;
  readonly epoch: string;
}

/** A client that keeps its position as SDKs do, and throws at a gap, a repetition or a push out of place. */
class Follower {
  readonly #client: TestClient;
  #read = 0;
  #asked = new Map<number, "subscribe" | "unsubscribe">();
  subscribed = false;
  held: Position | undefined;

  constructor(client: TestClient) {
    this.#client = client;
    this.#read = client.messages.length;
  }

  get waiting(): boolean {
    return this.#asked.size > 0;
  }

  subscribe(): void {
    const recovery = this.held ? { recover: true, ...this.held } : {};
    this.#ask("subscribe", { subscribe: { channel, ...recovery } });
  }

  unsubscribe(): void {
    this.#ask("unsubscribe", { unsubscribe: { channel } });
  }

  /** Takes nothing from now on: what is sent waits on the server. */
  stall(): void {
    this.#client.link.stopReading();
  }

  readOn(): void {
    this.#client.link.resumeReading();
    this.#client.connection.drained();
  }

  read(): void {
    const { messages } = this.#client;
    for (; this.#read < messages.length; this.#read += 1) {
      const { id = 0, error, push, subscribe } = messages[this.#read] ?? {};
      if (push) {
        this.#take(push);
        continue;
      }
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error && error.code !== 100) throw new Error(`answered ${JSON.stringify(error)}`);
      if (error) continue;
      this.subscribed = asked === "subscribe";
      // The hub's own JSON.
      if (asked === "subscribe") this.#enter(subscribe as Partial<Position> & Recovered);
    }
  }

  #enter({
    epoch = "",
    offset = 0,
    recovered = false,
    publications = [],
  }: Partial<Position> & Recovered): void {
    if (epoch === "") throw new Error("subscribed without a position");
    if (recovered && offset !== this.held?.offset)
      throw new Error(`recovered from ${offset} instead of ${this.held?.offset}`);
    this.held = { epoch, offset };
    if (recovered) for (const publication of publications) this.#follow(publication.offset);
  }

  #take(push: Readonly<Record<string, unknown>>): void {
    if (push["unsubscribe"]) {
      this.subscribed = false;
      return;
    }
    const { pub } = push as { readonly pub?: { readonly offset: number } };
    if (!pub) throw new Error(`unexpected ${JSON.stringify(push)}`);
    if (!this.subscribed) throw new Error("a publication while not subscribed");
    this.#follow(pub.offset);
  }

  #follow(offset: number): void {
    if (!this.held || offset !== this.held.offset + 1)
      throw new Error(`offset ${offset} after ${this.held?.offset}`);
    this.held = { ...this.held, offset };
  }

  #ask(method: "subscribe" | "unsubscribe", command: Readonly<Record<string, unknown>>): void {
    const [id] = this.#client.send(command);
    if (id !== undefined) this.#asked.set(id, method);
  }
}

interface Recovered {
  readonly recovered?: boolean;
  readonly publications?: readonly { readonly offset: number }[];
}

/** What is recovered in pieces by the smaller of these, for one publication and its envelope takes 65 bytes. */
const queues = [1_048_576, 900, 400];

interface World {
  readonly random: SeededRandom;
  readonly hub: TestHub;
  readonly bus: FaultyBus;
  readonly clock: FakeClock;
  readonly delayClock: TurnClock;
  readonly followers: readonly Follower[];
  deaf: boolean;
}

async function createWorld(seed: number): Promise<World> {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const delayClock = new TurnClock();
  const memory = createMemoryBus({ clock, random, node: nodeId("n") });
  const delayed = withDelays(memory, {
    clock: delayClock,
    random,
    maxDelayMs: random.pick([1, 5]),
  });
  const bus = withFaults(withLoss(delayed, { loses: () => state.deaf }));
  const state = { deaf: false };
  const queueBytes = random.pick(queues);
  const retention = { size: random.pick([3, 100]), ttlMs: 3_600_000, metaTtlMs: 7_200_000 };
  const client = { pingIntervalMs: 0, connectTimeoutMs: 1e9 };
  const hub = new TestHub({
    clock,
    random,
    bus,
    client,
    limits: { queueBytes, pauseBytes: queueBytes / 4 },
    withoutNamespace: { ...openNamespace, retention },
  });
  const starting = hub.start();
  await delayClock.idle();
  await starting;
  const followers: Follower[] = [];
  for (let n = 0; n < 3; n += 1) followers.push(new Follower(await hub.connect(`user-${n}`)));
  return Object.assign(state, { random, hub, bus, clock, delayClock, followers });
}

function act(world: World): void {
  const { random, hub, bus, clock } = world;
  const follower = random.pick(world.followers);
  const draw = random.int(100);
  if (draw < 35) void hub.publish(channel, "1");
  else if (draw < 45) world.deaf = !world.deaf;
  else if (draw < 52) bus.fail("history");
  else if (draw < 62) bus.heal();
  else if (draw < 66) clock.advanceNow(41_000);
  else if (draw < 68) void hub.operations.removeHistory(channel).catch(() => undefined);
  else if (draw < 74) follower.stall();
  else if (draw < 80) follower.readOn();
  else if (draw < 90 && !follower.subscribed && !follower.waiting) follower.subscribe();
  else if (follower.subscribed && !follower.waiting && random.chance(0.4)) follower.unsubscribe();
}

async function settle(world: World): Promise<void> {
  await world.delayClock.idle();
  for (const follower of world.followers) follower.read();
}

/** A repair that began while the channel closed: its end met the next opening. */
const found = [1_468_482_804, 935_763_538, 1_111_650_484];

describe("lost publications, a history that fails, members that come and go: no gap, nothing twice", () => {
  for (const seed of [...found, ...fuzzSeeds(60)]) {
    test(`seed ${seed}`, async () => {
      const world = await createWorld(seed);
      for (let step = 0; step < 150; step += 1) {
        act(world);
        for (let turns = world.random.int(3); turns > 0; turns -= 1) await turn();
        for (const follower of world.followers) follower.read();
      }
      // All is well again: everybody ends at the top.
      world.bus.heal();
      world.deaf = false;
      for (const follower of world.followers) follower.readOn();
      await settle(world);
      for (let round = 0; round < 2; round += 1) {
        for (const follower of world.followers) if (!follower.subscribed) follower.subscribe();
        await settle(world);
        const published = world.hub.publish(channel, "2");
        await settle(world);
        await published;
      }
      const reading = world.hub.operations.history({
        channel,
        limit: 0,
        since: undefined,
        reverse: false,
      });
      await settle(world);
      const { top } = await reading;
      expect(world.followers.map(({ held }) => held)).toEqual([top, top, top]);
      for (const follower of world.followers) follower.unsubscribe();
      await settle(world);
      expect(world.hub.hub.services.channels.size).toBe(0);
      const stopping = world.hub.stop();
      await world.delayClock.idle();
      await stopping;
    });
  }
});
