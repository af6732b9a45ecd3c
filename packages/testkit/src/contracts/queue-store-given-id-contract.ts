import { expect } from "bun:test";
import type { FlushOutcome, GivenId, StoredMessage } from "@switchyard/core";
import {
  committed,
  type FlushParts,
  type MakeBrokerStoreHarness,
  type QueueStoreScenario,
  queueStoreTest,
  storedMessage,
  uniqueName,
} from "./queue-store-scenario.ts";

const rememberedMs = 120_000;

/** Ids that publishers choose: what they name is stored once while they are remembered. */
export function queueStoreGivenIdContract(makeHarness: MakeBrokerStoreHarness): void {
  queueStoreTest(
    makeHarness,
    "a known id's messages are not stored, in any queue",
    async (scenario) => {
      const queues = [
        await scenario.queue(),
        await scenario.queue(),
        await scenario.queue({ durable: false }),
      ];
      const givenId = newPublisher(scenario);
      const a = givenId("a");
      const b = givenId("b");
      const c = givenId("c");
      expect(
        await scenario.flush(withIds(queues.map((queue) => [storedMessage(queue, 1), a]))),
      ).toEqual(committed);
      const outcome = await scenario.flush(
        withIds(
          queues.flatMap((queue) => [
            [storedMessage(queue, 2), b],
            [storedMessage(queue, 3), a],
            [storedMessage(queue, 4), undefined],
            [storedMessage(queue, 5), c],
          ]),
        ),
      );
      expect(outcome).toEqual(known(1));
      for (const queue of queues) expect(await scenario.seqs(queue)).toEqual([1, 2, 4, 5]);
      // One id for several messages of one queue is the id of all of them.
      const [first] = queues;
      if (first === undefined) throw new Error("three queues were declared");
      const twice = withIds([
        [storedMessage(first, 6), b],
        [storedMessage(first, 7), b],
      ]);
      expect(await scenario.flush(twice)).toEqual(known(0));
      expect(await scenario.seqs(first)).toEqual([1, 2, 4, 5]);
    },
  );

  queueStoreTest(makeHarness, "the rest of the flush takes effect", async (scenario) => {
    const queue = await scenario.queue();
    const givenId = newPublisher(scenario);
    const a = givenId("a");
    await scenario.flush(withIds([[storedMessage(queue, 1), a]]));
    const repeated = withIds([[storedMessage(queue, 2), a]]);
    const deleted = [{ queue: queue.id, lane: 9, from: 1, to: 1 }];
    const marks = [{ queue: queue.id, seq: 2 }];
    expect(await scenario.flush({ ...repeated, deleted, marks })).toEqual(known(0));
    expect(await scenario.seqs(queue)).toEqual([]);
    expect((await scenario.next()).stateOf(queue)?.deliveredBelow).toBe(2);
  });

  queueStoreTest(makeHarness, "an id without messages is remembered", async (scenario) => {
    const queue = await scenario.queue();
    const ids = ["a", "b"].map(newPublisher(scenario));
    expect(await scenario.flush({ ids })).toEqual(committed);
    expect(await scenario.flush({ ids })).toEqual(known(0, 1));
    const messages = ids.map((id, index) => [storedMessage(queue, index + 1), id] as const);
    expect(await scenario.flush(withIds(messages))).toEqual(known(0, 1));
    expect(await scenario.seqs(queue)).toEqual([]);
  });

  queueStoreTest(makeHarness, "an id is its exchange's and its publisher's", async (scenario) => {
    const givenId = newPublisher(scenario);
    const a = givenId("a");
    const ids = [
      { ...a, exchange: "other" },
      { ...a, publisher: uniqueName("other") },
      { ...a, id: "A" },
      { ...a, id: "" },
      { ...a, id: `"'\\ ż 🐢 {},NULL` },
    ];
    expect(await scenario.flush({ ids: [a] })).toEqual(committed);
    expect(await scenario.flush({ ids })).toEqual(committed);
    expect(await scenario.flush({ ids: [...ids, a] })).toEqual(known(0, 1, 2, 3, 4, 5));
  });

  queueStoreTest(
    makeHarness,
    "ids are remembered across incarnations and nodes",
    async (scenario) => {
      const ids = ["a"].map(newPublisher(scenario));
      await scenario.flush({ ids });
      const later = await scenario.next();
      expect(await later.flush({ ids })).toEqual(known(0));
      const other = await scenario.another();
      expect(await other.flush({ ids })).toEqual(known(0));
    },
  );

  queueStoreTest(makeHarness, "a flush sent again has the same answer", async (scenario) => {
    const queue = await scenario.queue();
    const givenId = newPublisher(scenario);
    const a = givenId("a");
    const b = givenId("b");
    const first = scenario.prepare(withIds([[storedMessage(queue, 1), a]]));
    for (const _ of [1, 2]) expect(await scenario.send(first)).toEqual(committed);
    const second = scenario.prepare(
      withIds([
        [storedMessage(queue, 2), b],
        [storedMessage(queue, 3), a],
      ]),
    );
    for (const _ of [1, 2]) expect(await scenario.send(second)).toEqual(known(1));
    // Not looked up anew: by now the ids may be forgotten.
    await scenario.harness.elapse(rememberedMs + 1_000);
    await scenario.store.forgetIds();
    expect(await scenario.send(second)).toEqual(known(1));
    expect(await scenario.seqs(queue)).toEqual([1, 2]);
  });

  queueStoreTest(
    makeHarness,
    "an id past its time is new, and remembered anew",
    async (scenario) => {
      const queue = await scenario.queue();
      const givenId = newPublisher(scenario);
      const a = givenId("a");
      const b = givenId("b");
      const longer = { ...b, expiresAt: scenario.storeNow + 10 * rememberedMs };
      const past = { ...a, id: "past", expiresAt: scenario.storeNow - 1 };
      await scenario.flush({ ids: [a, longer, past] });
      expect(await scenario.flush({ ids: [{ ...past, expiresAt: a.expiresAt }] })).toEqual(
        committed,
      );
      await scenario.harness.elapse(rememberedMs + 1_000);
      const anew = { ...a, expiresAt: scenario.storeNow + 10 * rememberedMs };
      expect(
        await scenario.flush(
          withIds([
            [storedMessage(queue, 1), anew],
            [storedMessage(queue, 2), longer],
          ]),
        ),
      ).toEqual(known(1));
      expect(await scenario.seqs(queue)).toEqual([1]);
      expect(await scenario.flush({ ids: [anew] })).toEqual(known(0));
    },
  );

  queueStoreTest(makeHarness, "a repetition does not lengthen an id's time", async (scenario) => {
    const givenId = newPublisher(scenario);
    const a = givenId("a");
    const longer = { ...a, expiresAt: a.expiresAt + 10 * rememberedMs };
    await scenario.flush({ ids: [a] });
    expect(await scenario.flush({ ids: [longer] })).toEqual(known(0));
    await scenario.harness.elapse(rememberedMs + 1_000);
    expect(await scenario.flush({ ids: [longer] })).toEqual(committed);
  });

  queueStoreTest(makeHarness, "forgets only what is past its time", async (scenario) => {
    const givenId = newPublisher(scenario);
    const a = givenId("a");
    const b = givenId("b");
    const longer = { ...b, expiresAt: scenario.storeNow + 10 * rememberedMs };
    await scenario.flush({ ids: [a, longer] });
    await scenario.store.forgetIds();
    expect(await scenario.flush({ ids: [a, longer] })).toEqual(known(0, 1));
    await scenario.harness.elapse(rememberedMs + 1_000);
    await scenario.store.forgetIds();
    await scenario.store.forgetIds();
    expect(await scenario.flush({ ids: [a, longer] })).toEqual(known(1));
  });

  queueStoreTest(
    makeHarness,
    "two nodes that store one id at once: one of them does",
    async (scenario) => {
      const { queues } = await scenario.harness.reopen();
      const other = await scenario.another(uniqueName("node"), queues);
      const pairs = [
        [scenario, await scenario.queue()],
        [other, await other.queue()],
      ] as const;
      for (let round = 1; round <= 10; round += 1) {
        const givenId = newPublisher(scenario);
        const a = givenId(`round ${round}`);
        const outcomes = await Promise.all(
          pairs.map(([node, queue]) => node.flush(withIds([[storedMessage(queue, round), a]]))),
        );
        const stored = outcomes.filter(
          (outcome) => outcome.kind === "committed" && outcome.duplicates.length === 0,
        );
        expect(stored).toHaveLength(1);
      }
      const counts = await Promise.all(pairs.map(([node, queue]) => node.seqs(queue)));
      expect(counts.flat()).toHaveLength(10);
    },
  );
}

function known(...duplicates: readonly number[]): FlushOutcome {
  return { kind: "committed", duplicates, transientIntact: true };
}

/** Makes ids of a publisher of its own. */
function newPublisher({ storeNow }: QueueStoreScenario): (id: string) => GivenId {
  const publisher = uniqueName("publisher");
  return (id) => ({ exchange: "orders", publisher, id, expiresAt: storeNow + rememberedMs });
}

/** Messages and the ids that they belong to. */
function withIds(
  entries: readonly (readonly [StoredMessage, GivenId | undefined])[],
): Pick<FlushParts, "inserted" | "ids" | "idOf"> {
  const ids: GivenId[] = [];
  const idOf = new Map<StoredMessage, number>();
  for (const [message, id] of entries) {
    if (id === undefined) continue;
    if (!ids.includes(id)) ids.push(id);
    idOf.set(message, ids.indexOf(id));
  }
  return { inserted: entries.map(([message]) => message), ids, idOf };
}
