import {
  FakeClock,
  type FaultyBus,
  type HubOptionChanges,
  joinNodes,
  type ScriptedAuthenticator,
  SeededRandom,
  type TestClient,
  TestHub,
  turn,
  withFaults,
} from "@switchyard/testkit";
import { nodeId } from "../../ids.ts";
import { createMemoryBus } from "../../memory/memory-bus.ts";

/** What a test gives of its hub. */
export interface HubParts extends HubOptionChanges {
  readonly random?: SeededRandom;
  readonly authenticator?: ScriptedAuthenticator;
}

export interface StartedHub {
  readonly hub: TestHub;
  readonly operations: TestHub["operations"];
  readonly bus: FaultyBus;
  readonly clock: FakeClock;
}

/** The hubs of one test file: `stop` after each test. */
export class TestHubs {
  readonly #changes: HubOptionChanges;
  readonly #running: TestHub[] = [];

  /** `changes`: options of every hub, under those of each. */
  constructor(changes: HubOptionChanges = {}) {
    this.#changes = changes;
  }

  async start(parts: HubParts = {}): Promise<StartedHub> {
    const clock = new FakeClock();
    const random = parts.random ?? new SeededRandom(1);
    const bus = withFaults(createMemoryBus({ clock, random, node: nodeId("n") }));
    const hub = await this.#started(
      new TestHub({ ...this.#changes, ...parts, clock, random, bus }),
    );
    return { hub, operations: hub.operations, bus, clock };
  }

  /** Two nodes on one bus. */
  async startPair(): Promise<readonly [TestHub, TestHub]> {
    const clock = new FakeClock();
    const random = new SeededRandom(1);
    const memory = createMemoryBus({ clock, random, node: nodeId("bus") });
    const [one, two = one] = joinNodes(memory, { clock, nodes: [nodeId("one"), nodeId("two")] });
    const first = await this.#started(new TestHub({ clock, random, bus: one, ...this.#changes }));
    return [first, await this.#started(new TestHub({ clock, random, bus: two, ...this.#changes }))];
  }

  async stop(): Promise<void> {
    for (const hub of this.#running.splice(0)) await hub.stop();
  }

  async #started(hub: TestHub): Promise<TestHub> {
    this.#running.push(hub);
    return hub.start();
  }
}

/** Enough turns of the event loop for everything that waits for nothing else. */
export async function turns(count = 10): Promise<void> {
  for (let done = 0; done < count; done += 1) await turn();
}

/** The code that the server closes the link with; undefined when it does not. */
export async function closed(client: TestClient): Promise<number | undefined> {
  for (let done = 0; done < 100 && client.closedWith === undefined; done += 1) await turn();
  return client.closedWith;
}
