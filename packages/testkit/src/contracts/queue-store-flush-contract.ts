import { expect } from "bun:test";
import { delayedLane, type StoredMessage } from "@switchyard/core";
import {
  brokerStoreTest,
  committed,
  expectRefused,
  failureOf,
  isUnavailable,
  type MakeBrokerStoreHarness,
  QueueStoreScenario,
  queueStoreTest,
  storedMessage,
  storedMessages,
  uniqueName,
} from "./queue-store-scenario.ts";

/** Numbering, repetition and atomicity of flushes, and what each kind of change does. */
export function queueStoreFlushContract(makeHarness: MakeBrokerStoreHarness): void {
  queueStoreTest(makeHarness, "a flush sent again takes effect once", async (scenario) => {
    const queue = await scenario.queue();
    const first = scenario.prepare({ inserted: storedMessages(queue, 1, 3) });
    expect(await scenario.send(first)).toEqual(committed);
    expect(await scenario.send(first)).toEqual(committed);
    expect(await scenario.seqs(queue)).toEqual([1, 2, 3]);
    const range = { queue: queue.id, lane: 9, from: 2, to: 2 };
    expect(await scenario.flush({ deleted: [range] })).toEqual(committed);
    expect(await scenario.seqs(queue)).toEqual([1, 3]);
  });

  queueStoreTest(makeHarness, "a copy that runs late has no effect", async (scenario) => {
    const queue = await scenario.queue();
    const late = scenario.prepare({ inserted: storedMessages(queue, 1, 3) });
    await scenario.send(late);
    await scenario.flush({ deleted: [{ queue: queue.id, lane: 9, from: 1, to: 3 }] });
    await scenario.flush({ inserted: [storedMessage(queue, 4)] });
    // Nobody waits for this answer: an outcome and an error are equally good.
    await scenario.store.flush(late).catch(() => undefined);
    expect(await scenario.seqs(queue)).toEqual([4]);
    expect(await scenario.flush({ inserted: [storedMessage(queue, 5)] })).toEqual(committed);
  });

  queueStoreTest(makeHarness, "copies sent at once take effect once", async (scenario) => {
    const queue = await scenario.queue();
    const others = await scenario.harness.reopen();
    for (let round = 0; round < 10; round += 1) {
      const from = round * 100 + 1;
      const flush = scenario.prepare({ inserted: storedMessages(queue, from, from + 99) });
      const outcomes = await Promise.all([scenario.send(flush), others.queues.flush(flush)]);
      expect(outcomes).toEqual([committed, committed]);
    }
    expect(await scenario.seqs(queue)).toEqual(Array.from({ length: 1000 }, (_, at) => at + 1));
  });

  queueStoreTest(
    makeHarness,
    "a flush whose turn has not come is early, and has no effect",
    async (scenario) => {
      const queue = await scenario.queue();
      const early = scenario.prepare({ inserted: [storedMessage(queue, 1)] }, 2);
      expect(await scenario.store.flush(early)).toEqual({ kind: "early" });
      expect(await scenario.flush({ inserted: [storedMessage(queue, 2)] })).toEqual(committed);
      expect(await scenario.store.flush({ ...early, number: 4, after: 3 })).toEqual({
        kind: "early",
      });
      expect(await scenario.seqs(queue)).toEqual([2]);
      expect(await scenario.send(early)).toEqual(committed);
      expect(await scenario.seqs(queue)).toEqual([1, 2]);
    },
  );

  queueStoreTest(
    makeHarness,
    "flushes that are sent together take effect in order, and none after one that is refused",
    async (scenario) => {
      const queue = await scenario.queue();
      const [first, second, third] = [1, 2, 3].map((number) =>
        scenario.prepare({ inserted: [storedMessage(queue, number)] }, number),
      );
      if (!first || !second || !third) throw new Error("three flushes");
      const sent = [first, second, third].map((flush) => scenario.send(flush));
      expect(await Promise.all(sent)).toEqual([committed, committed, committed]);
      // The first one is told again when others have followed.
      expect(await scenario.store.flush(first)).toEqual(committed);
      const [bad, behind] = [
        scenario.prepare({ inserted: [storedMessage(queue, 3)] }, 4), // is there
        scenario.prepare({ inserted: [storedMessage(queue, 5)] }, 5),
      ];
      const [badly, behindIt] = [scenario.store.flush(bad), scenario.store.flush(behind)];
      await expectRefused(badly);
      expect(await behindIt).toEqual({ kind: "early" });
      // It goes on past the number that was refused; who was to follow that never does.
      expect(await scenario.send({ ...behind, number: 6, after: 3 })).toEqual(committed);
      expect(await scenario.seqs(queue)).toEqual([1, 2, 3, 5]);
    },
  );

  queueStoreTest(makeHarness, "an empty flush counts", async (scenario) => {
    const queue = await scenario.queue();
    expect(await scenario.flush({})).toEqual(committed);
    expect(await scenario.flush({ inserted: [storedMessage(queue, 1)] })).toEqual(committed);
    expect(await scenario.seqs(queue)).toEqual([1]);
  });

  queueStoreTest(
    makeHarness,
    "what cannot be stored has no effect, and its number may be used for another",
    async (scenario) => {
      const queues = [
        await scenario.queue(),
        await scenario.queue(),
        await scenario.queue({ durable: false }),
      ] as const;
      const [one, two, three] = queues;
      await scenario.flush({ inserted: [storedMessage(two, 7), storedMessage(one, 3)] });
      const given = { exchange: "orders", publisher: uniqueName("publisher"), id: "a" };
      const ids = [{ ...given, expiresAt: scenario.storeNow + 600_000 }];
      const refused = scenario.prepare({
        inserted: [storedMessage(one, 9), storedMessage(two, 7), storedMessage(three, 9)],
        deleted: [{ queue: one.id, lane: 9, from: 3, to: 3 }],
        marks: [{ queue: one.id, seq: 4 }],
        ids,
      });
      await expectRefused(scenario.send(refused));
      expect(await Promise.all(queues.map((queue) => scenario.seqs(queue)))).toEqual([
        [3],
        [7],
        [],
      ]);
      const inserted = queues.map((queue) => storedMessage(queue, 10));
      expect(await scenario.flush({ inserted, ids })).toEqual(committed);
      expect(await Promise.all(queues.map((queue) => scenario.seqs(queue)))).toEqual([
        [3, 10],
        [7, 10],
        [10],
      ]);
      const next = await scenario.next();
      expect(next.stateOf(one)?.deliveredBelow).toBeLessThanOrEqual(1);
    },
  );

  queueStoreTest(makeHarness, "readers see all queues of a flush or none", async (scenario) => {
    const first = await scenario.queue();
    const middle = await scenario.queue({ durable: false });
    const last = await scenario.queue();
    let seq = 0;
    for (let round = 0; round < 20; round += 1) {
      const inserted: StoredMessage[] = [];
      for (const queue of [first, middle, last])
        inserted.push(...storedMessages(queue, seq + 1, seq + 50));
      seq += 50;
      const flushed = scenario.flush({ inserted });
      const seen = [];
      // Read one after the other: what came later can only have more.
      for (const queue of [last, middle, first]) seen.push((await scenario.seqs(queue)).length);
      expect(seen).toEqual(seen.toSorted((left, right) => left - right));
      for (const count of seen) expect(count % 50).toBe(0);
      expect(await flushed).toEqual(committed);
    }
    expect(await scenario.seqs(middle)).toHaveLength(seq);
  });

  queueStoreTest(
    makeHarness,
    "a range deletes both its ends and nothing else",
    async (scenario) => {
      const queue = await scenario.queue();
      const other = await scenario.queue();
      await scenario.flush({
        inserted: [
          ...storedMessages(queue, 1, 10),
          ...storedMessages(other, 1, 10),
          ...[21, 22].map((seq) => storedMessage(queue, seq, { lane: 4, priority: 5 })),
        ],
      });
      await scenario.flush({
        deleted: [
          { queue: queue.id, lane: 9, from: 3, to: 5 },
          { queue: queue.id, lane: 9, from: 8, to: 8 },
          { queue: queue.id, lane: 4, from: 1, to: 21 },
          { queue: other.id, lane: 9, from: 100, to: 200 },
        ],
      });
      expect(await scenario.seqs(queue)).toEqual([1, 2, 6, 7, 9, 10]);
      expect(await scenario.seqs(queue, 4)).toEqual([22]);
      expect(await scenario.seqs(other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    },
  );

  for (const durable of [true, false])
    queueStoreTest(
      makeHarness,
      `a changed message is the same in its new place (${durable ? "durable" : "transient"})`,
      async (scenario) => {
        const queue = await scenario.queue({ durable });
        const messages = storedMessages(queue, 1, 4);
        await scenario.flush({ inserted: messages });
        const place = { queue: queue.id, lane: 9 };
        await scenario.flush({
          changed: [
            { ...place, seq: 2, newLane: delayedLane, newSeq: 5, attempts: 1, deliverAt: 7_000 },
            { ...place, seq: 3, newLane: 9, newSeq: 3, attempts: 2, deliverAt: undefined },
            { ...place, seq: 4, newLane: 9, newSeq: 6, attempts: 0, deliverAt: undefined },
          ],
        });
        const [first, second, third, fourth] = messages;
        const delayed = { ...second, lane: delayedLane, seq: 5, attempts: 1, deliverAt: 7_000 };
        const stored = [first, { ...third, attempts: 2 }, { ...fourth, seq: 6 }] as StoredMessage[]; // four messages were made
        expect(await scenario.messages(queue)).toEqual(stored);
        expect(await scenario.messages(queue, delayedLane)).toEqual([delayed as StoredMessage]); // as above
        const back = { ...place, lane: delayedLane, seq: 5, newLane: 9, newSeq: 7 };
        await scenario.flush({ changed: [{ ...back, attempts: 1, deliverAt: undefined }] });
        expect(await scenario.messages(queue, delayedLane)).toEqual([]);
        const returned = { ...second, seq: 7, attempts: 1 } as StoredMessage; // as above
        expect(await scenario.messages(queue)).toEqual([...stored, returned]);
      },
    );

  queueStoreTest(makeHarness, "one flush inserts, deletes and changes", async (scenario) => {
    const durable = await scenario.queue();
    const transient = await scenario.queue({ durable: false });
    const both = [durable, transient];
    await scenario.flush({ inserted: both.flatMap((queue) => storedMessages(queue, 1, 3)) });
    const flush = scenario.prepare({
      inserted: both.map((queue) => storedMessage(queue, 5)),
      deleted: both.map(({ id }) => ({ queue: id, lane: 9, from: 1, to: 1 })),
      changed: both.map(({ id }) => ({
        ...{ queue: id, lane: 9, seq: 2, newLane: 9, newSeq: 4, attempts: 1 },
        deliverAt: undefined,
      })),
    });
    for (const _ of [1, 2]) expect(await scenario.send(flush)).toEqual(committed);
    for (const queue of both) {
      const rest = (await scenario.messages(queue)).map(({ seq, attempts }) => [seq, attempts]);
      expect(rest).toEqual([
        [3, 0],
        [4, 1],
        [5, 0],
      ]);
    }
  });

  queueStoreTest(
    makeHarness,
    "a flush of 10,000 messages, their ids and their end",
    async (scenario) => {
      const queue = await scenario.queue();
      const transient = await scenario.queue({ durable: false });
      const count = 10_000;
      const publisher = uniqueName("publisher");
      const expiresAt = scenario.storeNow + 600_000;
      const inserted = storedMessages(queue, 1, count);
      const ids = inserted.map(({ event }) => ({
        exchange: "",
        publisher,
        id: event.id,
        expiresAt,
      }));
      const idOf = new Map(inserted.map((message, index) => [message, index] as const));
      const flush = scenario.prepare({
        inserted: [...inserted, ...storedMessages(transient, 1, count)],
        ids,
        idOf,
      });
      for (const _ of [1, 2]) expect(await scenario.send(flush)).toEqual(committed);
      for (const each of [queue, transient]) {
        const seqs = await scenario.seqs(each);
        expect(seqs).toHaveLength(count);
        expect(seqs.every((seq, index) => seq === index + 1)).toBe(true);
      }
      const again = storedMessages(queue, count + 1, 2 * count);
      const known = await scenario.flush({
        inserted: again,
        ids,
        idOf: new Map(again.map((message, index) => [message, index] as const)),
      });
      expect(known.kind === "committed" && known.duplicates.length).toBe(count);
      await scenario.flush({
        changed: inserted.map(({ seq }) => ({
          ...{ queue: queue.id, lane: 9, seq, newLane: 9, newSeq: seq, attempts: 1 },
          deliverAt: undefined,
        })),
        // One range each, and every other message stays.
        deleted: Array.from({ length: count / 2 }, (_, index) => ({
          ...{ queue: transient.id, lane: 9 },
          ...{ from: 2 * index + 1, to: 2 * index + 1 },
        })),
      });
      const changed = await scenario.messages(queue);
      expect(changed).toHaveLength(count);
      expect(changed.every(({ attempts }) => attempts === 1)).toBe(true);
      const left = await scenario.seqs(transient);
      expect(left).toHaveLength(count / 2);
      expect(left.every((seq, index) => seq === 2 * index + 2)).toBe(true);
      await scenario.flush({ deleted: [{ queue: queue.id, lane: 9, from: 1, to: count }] });
      expect(await scenario.seqs(queue)).toEqual([]);
    },
  );

  queueStoreTest(makeHarness, "a queue that is gone takes nothing with it", async (scenario) => {
    const gone = await scenario.queue();
    const stays = await scenario.queue();
    await scenario.flush({ inserted: [...storedMessages(gone, 1, 3), storedMessage(stays, 1)] });
    expect(await scenario.harness.topology.deleteQueue(gone.name)).toBeNumber();
    expect(await scenario.seqs(gone)).toEqual([]);
    const outcome = await scenario.flush({
      inserted: [storedMessage(gone, 4), storedMessage(stays, 2)],
      deleted: [{ queue: gone.id, lane: 9, from: 1, to: 1 }],
      marks: [{ queue: gone.id, seq: 4 }],
    });
    expect(outcome).toEqual(committed);
    expect(await scenario.seqs(stays)).toEqual([1, 2]);
    const anew = await scenario.queue({ name: gone.name });
    expect(anew.lanes).toEqual([]);
    expect(await scenario.seqs(anew)).toEqual([]);
  });

  brokerStoreTest(makeHarness, "every method says that the store is away", async (harness) => {
    const scenario = await QueueStoreScenario.begin(harness, uniqueName("node"));
    const queue = await scenario.queue();
    await scenario.flush({ inserted: [storedMessage(queue, 1)] });
    const { store, incarnation } = scenario;
    const flush = scenario.prepare({ inserted: [storedMessage(queue, 2)] });
    await harness.cutOff();
    const place = { queue: queue.id, durable: true, limit: 10 };
    const operations: readonly [string, () => Promise<unknown>][] = [
      ["takeOver", () => store.takeOver(incarnation.node, 60_000)],
      ["takeHomes", () => store.takeHomes(incarnation, [queue.name])],
      ["renew", () => store.renew(incarnation, 60_000)],
      ["flush", () => store.flush(flush)],
      ["load", () => store.load({ ...place, lane: 9, after: 0, maxBytes: 1e6 })],
      ["loadDelayed", () => store.loadDelayed({ ...place, after: undefined })],
      ["forgetIds", () => store.forgetIds()],
    ];
    for (const [name, operation] of operations) {
      const error = await failureOf(operation());
      expect([name, isUnavailable(error)]).toEqual([name, true]);
    }
  });
}
