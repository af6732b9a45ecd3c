import { expect } from "bun:test";
import { delayedLane } from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";
import {
  committed,
  lanesOf,
  leaseMs,
  type MakeBrokerStoreHarness,
  queueStoreTest,
  storedMessage,
  storedMessages,
} from "./queue-store-scenario.ts";

/** Incarnations, leases, homes, and the state in which a new home finds its queues. */
export function queueStoreHomeContract(makeHarness: MakeBrokerStoreHarness): void {
  queueStoreTest(makeHarness, "a takeover fences the former incarnation", async (former) => {
    const queue = await former.queue();
    const first = former.prepare({ inserted: [storedMessage(queue, 1)] });
    expect(await former.send(first)).toEqual(committed);
    const later = await former.next();
    expect(later.incarnation.node).toBe(former.incarnation.node);
    expect(later.incarnation.epoch).toBeGreaterThan(former.incarnation.epoch);
    // The one that was committed, the next, and one behind a gap alike.
    const late = former.prepare({
      inserted: [storedMessage(queue, 2)],
      marks: [{ queue: queue.id, seq: 9 }],
    });
    for (const flush of [first, late, { ...late, number: 7 }])
      expect(await former.store.flush(flush)).toEqual({ kind: "fenced" });
    expect(await former.store.renew(former.incarnation, leaseMs)).toBeUndefined();
    expect(await later.seqs(queue)).toEqual([1]);
    // Numbers begin anew.
    const own = later.prepare({ inserted: [storedMessage(queue, 3)] });
    expect(own.number).toBe(1);
    expect(await later.send(own)).toEqual(committed);
    expect(await former.store.flush(late)).toEqual({ kind: "fenced" });
    expect(await later.seqs(queue)).toEqual([1, 3]);
  });

  queueStoreTest(makeHarness, "a fenced incarnation becomes nobody's home", async (former) => {
    const later = await former.next();
    const { name } = await former.declare();
    const taken = await former.store.takeHomes(former.incarnation, [name]).catch(() => []);
    expect(taken).toEqual([]);
    const [state] = await later.store.takeHomes(later.incarnation, [name]);
    expect(state?.name).toBe(name);
  });

  queueStoreTest(
    makeHarness,
    "what the takeover found is all that there will be, whatever was on its way",
    async (scenario) => {
      const queue = await scenario.queue();
      const { queues: other } = await scenario.harness.reopen();
      let current = scenario;
      let seq = 0;
      for (let round = 0; round < 8; round += 1) {
        const inserted = storedMessages(queue, seq + 1, seq + 200);
        seq += 200;
        const flushing = current.send(current.prepare({ inserted })).then(
          (outcome) => outcome.kind,
          () => "failed",
        );
        const next = await current.next(round % 2 === 0 ? other : scenario.harness.queues);
        const found = lanesOf(next.stateOf(queue))?.[0]?.messages ?? 0;
        const outcome = await flushing;
        expect(await next.seqs(queue)).toHaveLength(found);
        if (outcome === "committed") expect(await next.seqs(queue)).toContain(seq);
        if (outcome === "fenced") expect(await next.seqs(queue)).not.toContain(seq);
        current = next;
      }
    },
  );

  queueStoreTest(makeHarness, "a node takes new queues and its own, at once", async (scenario) => {
    const own = await scenario.queue();
    const fresh = await scenario.declare();
    const later = await scenario.next();
    const names = later.queues.map(({ name }) => name);
    expect(names).toContain(own.name);
    expect(names).toContain(fresh.name);
    expect(later.stateOf(own)?.id).toBe(own.id);
  });

  queueStoreTest(
    makeHarness,
    "another's queues are taken when its lease has passed",
    async (scenario) => {
      const queue = await scenario.queue();
      await scenario.flush({ inserted: [storedMessage(queue, 1)] });
      const early = await scenario.another();
      expect(early.stateOf(queue)).toBeUndefined();
      await scenario.harness.elapse(leaseMs / 2);
      expect(await scenario.store.renew(scenario.incarnation, leaseMs)).toBeNumber();
      await scenario.harness.elapse(leaseMs * 0.75);
      const between = await scenario.another();
      expect(between.stateOf(queue)).toBeUndefined();
      expect(await between.store.takeHomes(between.incarnation, [queue.name])).toEqual([]);
      await scenario.harness.elapse(leaseMs * 0.75);
      const heir = await scenario.another();
      expect(heir.stateOf(queue)?.id).toBe(queue.id);
      expect(await heir.flush({ inserted: [storedMessage(queue, 2)] })).toEqual(committed);
      // A queue has one home, and a home alone gives numbers: the former one is out.
      await scenario.flush({ inserted: [storedMessage(queue, 3)] }).catch(() => undefined);
      expect(await heir.seqs(queue)).toEqual([1, 2]);
      expect((await scenario.next()).stateOf(queue)).toBeUndefined();
    },
  );

  queueStoreTest(
    makeHarness,
    "a single queue is taken by name when its home is gone",
    async (scenario) => {
      const queue = await scenario.queue();
      const kept = await scenario.another();
      expect(await kept.store.takeHomes(kept.incarnation, [queue.name])).toEqual([]);
      await scenario.harness.elapse(leaseMs + 1_000);
      await kept.store.renew(kept.incarnation, leaseMs);
      const taken = await kept.store.takeHomes(kept.incarnation, [queue.name]);
      expect(taken.map(({ id, name }) => ({ id, name }))).toEqual([
        { id: queue.id, name: queue.name },
      ]);
      await scenario.flush({ inserted: [storedMessage(queue, 1)] }).catch(() => undefined);
      expect(await kept.seqs(queue)).toEqual([]);
    },
  );

  queueStoreTest(
    makeHarness,
    "homes are taken again after an unknown outcome",
    async (scenario) => {
      const names = [(await scenario.declare()).name, (await scenario.declare()).name];
      const take = (): Promise<readonly { readonly name: string; readonly id: number }[]> =>
        scenario.store.takeHomes(scenario.incarnation, [...names, "no such queue"]);
      const first = await take();
      expect(first.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
      const again = await take();
      const byName = (left: { name: string }, right: { name: string }): number =>
        left.name < right.name ? -1 : 1;
      expect(again.toSorted(byName)).toEqual(first.toSorted(byName));
      expect(await scenario.store.takeHomes(scenario.incarnation, [])).toEqual([]);
      const other = await scenario.another();
      expect(await other.store.takeHomes(other.incarnation, names)).toEqual([]);
    },
  );

  queueStoreTest(makeHarness, "of two nodes that want a queue one gets it", async (scenario) => {
    const other = await scenario.another();
    for (let round = 0; round < 5; round += 1) {
      const { name } = await scenario.declare();
      const taken = await Promise.all(
        [scenario, other].map((node) => node.store.takeHomes(node.incarnation, [name])),
      );
      expect(taken.flat().map((state) => state.name)).toEqual([name]);
    }
  });

  queueStoreTest(makeHarness, "a lease that nobody used can still be renewed", async (scenario) => {
    const queue = await scenario.queue();
    await scenario.harness.elapse(leaseMs * 2);
    expect(await scenario.store.renew(scenario.incarnation, leaseMs)).toBeNumber();
    expect((await scenario.another()).stateOf(queue)).toBeUndefined();
    expect(await scenario.flush({ inserted: [storedMessage(queue, 1)] })).toEqual(committed);
  });

  queueStoreTest(makeHarness, "tells its clock", async (scenario) => {
    const renewed = await scenario.store.renew(scenario.incarnation, leaseMs);
    expect(scenario.storeNow).toBeGreaterThan(1_600_000_000_000);
    expect(renewed).toBeGreaterThanOrEqual(scenario.storeNow);
    expect(renewed).toBeLessThan(scenario.storeNow + 60_000);
  });

  queueStoreTest(
    makeHarness,
    "a new queue is empty and has delivered nothing",
    async (scenario) => {
      const queue = await scenario.queue();
      expect(queue.lanes).toEqual([]);
      expect(queue.deliveredBelow).toBeLessThanOrEqual(queue.nextSeq);
      expect(queue.nextSeq).toBeGreaterThanOrEqual(0);
    },
  );

  for (const durable of [true, false])
    queueStoreTest(
      makeHarness,
      `a new home finds counts and bytes per lane (${durable ? "durable" : "transient"})`,
      async (scenario) => {
        const queue = await scenario.queue({ durable });
        const text = trustJsonText('"żółw 🐢"');
        const at = { lane: delayedLane, deliverAt: 5 };
        await scenario.flush({
          inserted: [
            storedMessage(queue, 1, { event: { body: text } }),
            storedMessage(queue, 2, { event: { body: new Uint8Array(1_000) } }),
            storedMessage(queue, 3, { lane: 0, priority: 9, event: { body: trustJsonText("1") } }),
            storedMessage(queue, 4, { ...at, event: { body: new Uint8Array(0) } }),
            storedMessage(queue, 5, { lane: 7, priority: 2 }),
          ],
        });
        await scenario.flush({ deleted: [{ queue: queue.id, lane: 7, from: 5, to: 5 }] });
        const { stateOf } = await scenario
          .next()
          .then((next) => ({ stateOf: next.stateOf(queue) }));
        expect(lanesOf(stateOf)).toEqual([
          { lane: 0, messages: 1, bytes: 1 },
          { lane: 9, messages: 2, bytes: 1_000 + new TextEncoder().encode(text).length },
          { lane: delayedLane, messages: 1, bytes: 0 },
        ]);
        expect(stateOf).toMatchObject({ id: queue.id, name: queue.name });
      },
    );

  for (const durable of [true, false])
    queueStoreTest(
      makeHarness,
      `nextSeq is above every seq that the queue has had (${durable ? "durable" : "transient"})`,
      async (scenario) => {
        const queue = await scenario.queue({ durable });
        await scenario.flush({ inserted: storedMessages(queue, 1, 10) });
        await scenario.flush({ deleted: [{ queue: queue.id, lane: 9, from: 1, to: 9 }] });
        const moved = { queue: queue.id, lane: 9, seq: 10, newLane: delayedLane, newSeq: 15 };
        await scenario.flush({ changed: [{ ...moved, attempts: 1, deliverAt: 9 }] });
        const second = await scenario.next();
        expect(second.stateOf(queue)?.nextSeq).toBeGreaterThan(15);
        await second.flush({ deleted: [{ queue: queue.id, lane: delayedLane, from: 15, to: 15 }] });
        await scenario.harness.wipeTransient();
        const third = await second.next();
        expect(third.stateOf(queue)?.nextSeq).toBeGreaterThan(15);
        expect(third.stateOf(queue)?.lanes).toEqual([]);
        expect((await third.next()).stateOf(queue)?.nextSeq).toBeGreaterThan(15);
      },
    );

  queueStoreTest(makeHarness, "marks only raise, each queue's own", async (scenario) => {
    const queue = await scenario.queue();
    const other = await scenario.queue({ durable: false });
    const inserted = [...storedMessages(queue, 1, 20), ...storedMessages(other, 1, 20)];
    await scenario.flush({ inserted, marks: [{ queue: queue.id, seq: 11 }] });
    await scenario.flush({
      marks: [
        { queue: queue.id, seq: 5 },
        { queue: other.id, seq: 7 },
      ],
    });
    const second = await scenario.next();
    expect(second.stateOf(queue)?.deliveredBelow).toBe(11);
    expect(second.stateOf(other)?.deliveredBelow).toBe(7);
    await second.flush({ marks: [{ queue: queue.id, seq: 12 }] });
    await second.flush({ marks: [{ queue: queue.id, seq: 1 }] });
    const third = await second.next();
    expect(third.stateOf(queue)?.deliveredBelow).toBe(12);
    expect(third.stateOf(other)?.deliveredBelow).toBe(7);
    expect(third.stateOf(queue)?.lanes).toHaveLength(1);
  });
}
