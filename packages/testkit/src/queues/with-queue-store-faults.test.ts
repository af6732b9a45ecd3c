import { describe, expect, test } from "bun:test";
import type { FlushOutcome, StoredMessage } from "@switchyard/core";
import {
  committed,
  failureOf,
  isUnavailable,
  QueueStoreScenario,
  storedMessage,
} from "../contracts/queue-store-scenario.ts";
import { SeededRandom } from "../random/seeded-random.ts";
import { FakeClock } from "../time/fake-clock.ts";
import { turn } from "../time/turn.ts";
import { TurnClock } from "../time/turn-clock.ts";
import { InMemoryBrokerDatabase } from "./in-memory-broker-database.ts";
import { InMemoryQueueStore } from "./in-memory-queue-store.ts";
import { InMemoryTopologyStore } from "./in-memory-topology-store.ts";
import {
  type FaultyQueueStore,
  type QueueStoreFaultOptions,
  withQueueStoreFaults,
} from "./with-queue-store-faults.ts";

describe("a queue store with faults", () => {
  test("refuses before the commit, and loses the answer after it", async () => {
    const { store, scenario } = await begin();
    const queue = await scenario.queue();
    const first = scenario.prepare({ inserted: [storedMessage(queue, 1)] });
    store.faultNextFlushes("refused", "lost");
    expect(isUnavailable(await failureOf(scenario.send(first)))).toBe(true);
    expect(await scenario.seqs(queue)).toEqual([]);
    expect(isUnavailable(await failureOf(scenario.send(first)))).toBe(true);
    expect(await scenario.seqs(queue)).toEqual([1]);
    expect(await scenario.send(first)).toEqual(committed);
    expect(await scenario.seqs(queue)).toEqual([1]);
    expect(store.flushes).toEqual([first, first, first]);
  });

  test("runs a stuck flush late, without effect when its repetition was first", async () => {
    const { store, scenario } = await begin();
    const queue = await scenario.queue();
    const first = scenario.prepare({ inserted: [storedMessage(queue, 1)] });
    store.faultNextFlushes("stuck", "stuck");
    for (const _ of [1, 2]) expect(isUnavailable(await failureOf(scenario.send(first)))).toBe(true);
    expect([store.stuck, await scenario.seqs(queue)]).toEqual([2, []]);
    expect(await scenario.send(first)).toEqual(committed);
    await scenario.flush({ deleted: [{ queue: queue.id, lane: 9, from: 1, to: 1 }] });
    await store.releaseStuck();
    expect([store.stuck, await scenario.seqs(queue)]).toEqual([0, []]);
    // The control: one that nothing was sent after does take effect.
    const second = scenario.prepare({ inserted: [storedMessage(queue, 2)] });
    store.faultNextFlushes("stuck");
    await failureOf(scenario.send(second));
    await store.releaseStuck();
    expect(await scenario.seqs(queue)).toEqual([2]);
  });

  test("a flush that was stuck when another incarnation began has no effect", async () => {
    const { store, inner, scenario } = await begin();
    const queue = await scenario.queue();
    store.faultNextFlushes("stuck");
    await failureOf(scenario.flush({ inserted: [storedMessage(queue, 1)] }));
    await inner.takeOver(scenario.incarnation.node, 1_000);
    await store.releaseStuck();
    expect(await scenario.seqs(queue)).toEqual([]);
    expect(await scenario.flush({})).toEqual({ kind: "fenced" });
  });

  test("is away until told, for what was under way too", async () => {
    const { store, scenario } = await begin();
    const queue = await scenario.queue();
    const goOn = store.holdAnswer("flush");
    const first = scenario.prepare({ inserted: [storedMessage(queue, 1)] });
    const underWay = failureOf(scenario.send(first));
    await turn();
    store.goAway();
    goOn();
    expect(isUnavailable(await underWay)).toBe(true);
    expect(isUnavailable(await failureOf(scenario.messages(queue)))).toBe(true);
    store.comeBack();
    expect(await scenario.seqs(queue)).toEqual([1]);
    expect(await scenario.send(first)).toEqual(committed);
  });

  test("holds an operation before its effect", async () => {
    const { store, inner, scenario } = await begin();
    const queue = await scenario.queue();
    const window = { queue: queue.id, durable: true, lane: 9, after: 0, limit: 9, maxBytes: 99 };
    const goOn = store.hold("flush");
    const flushing = scenario.flush({ inserted: [storedMessage(queue, 1)] });
    await turn();
    expect([store.calls("flush"), await inner.load(window)]).toEqual([1, []]);
    goOn();
    expect(await flushing).toEqual(committed);
    expect(await inner.load(window)).toHaveLength(1);
  });

  for (const seed of [1, 2, 3, 4, 5])
    test(`who repeats each flush until it is answered stores all once, in order (seed ${seed})`, async () => {
      const clock = new TurnClock();
      const random = new SeededRandom(seed);
      const { store, scenario } = await begin(random, {
        ...{ clock, maxDelayMs: 2, maxStuckMs: 30 },
        chances: { refused: 0.15, lost: 0.15, stuck: 0.3 },
      });
      const queue = await scenario.queue();
      const expected: StoredMessage[] = [];
      for (let seq = 1; seq <= 60; seq += 1) {
        const message = storedMessage(queue, seq);
        const deleted = { queue: queue.id, lane: 9, from: seq - 1, to: seq - 1 };
        const parts = seq % 3 === 0 ? { deleted: [deleted] } : {};
        if (seq % 3 === 0) expected.pop();
        expected.push(message);
        const flush = scenario.prepare({ inserted: [message], ...parts });
        let outcome: FlushOutcome | undefined;
        while (outcome === undefined)
          outcome = await scenario.send(flush).catch((error: unknown) => {
            if (!isUnavailable(error)) throw error;
            return undefined;
          });
        expect(outcome).toEqual(committed);
      }
      await clock.idle();
      expect(store.stuck).toBe(0);
      expect(store.flushes.length).toBeGreaterThan(60);
      expect(await scenario.messages(queue)).toEqual(expected);
    });
});

async function begin(
  random = new SeededRandom(1),
  options: QueueStoreFaultOptions = { clock: new FakeClock() },
): Promise<{
  readonly store: FaultyQueueStore;
  readonly inner: InMemoryQueueStore;
  readonly scenario: QueueStoreScenario;
}> {
  const database = new InMemoryBrokerDatabase(options.clock);
  const inner = new InMemoryQueueStore(database);
  const store = withQueueStoreFaults(inner, random, options);
  const topology = new InMemoryTopologyStore(database);
  const stores = { queues: store, topology };
  const scenario = await QueueStoreScenario.begin(
    {
      ...stores,
      reopen: () => stores,
      elapse: () => undefined,
      wipeTransient: () => database.wipeTransient(),
      cutOff: () => database.goAway(),
      close: () => undefined,
    },
    "node",
  );
  return { store, inner, scenario };
}
