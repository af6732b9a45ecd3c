import { expect } from "bun:test";
import { delayedLane, type StoredMessage } from "@switchyard/core";
import { type Payload, toJsonText, trustJsonText } from "@switchyard/protocol";
import {
  isUnavailable,
  type MakeBrokerStoreHarness,
  queueStoreTest,
  storedMessage,
  storedMessages,
} from "./queue-store-scenario.ts";

const oddText = `quote"'\\\` {braces},NULL \t żółw 🐢 \u2028 __proto__ \u00e9 e\u0301`;

/** What is loaded: lanes, bounds, the order of delayed messages, and every value as it was stored. */
export function queueStoreWindowContract(makeHarness: MakeBrokerStoreHarness): void {
  queueStoreTest(makeHarness, "loads one lane of one queue, above, ascending", async (scenario) => {
    const queue = await scenario.queue();
    const other = await scenario.queue();
    const inserted = [
      ...[5, 1, 9, 3, 7].map((seq) => storedMessage(queue, seq)),
      ...[2, 6].map((seq) => storedMessage(queue, seq, { lane: 8, priority: 1 })),
      ...[4, 8].map((seq) => storedMessage(queue, seq, { lane: delayedLane, deliverAt: seq })),
      ...storedMessages(other, 1, 9),
    ];
    await scenario.flush({ inserted });
    const load = async (lane: number, after: number, limit: number): Promise<readonly number[]> => {
      const bounds = { durable: true, maxBytes: 1e6, after, limit };
      const loaded = await scenario.store.load({ queue: queue.id, lane, ...bounds });
      return loaded.map(({ seq }) => seq);
    };
    expect(await load(9, 0, 100)).toEqual([1, 3, 5, 7, 9]);
    expect(await load(9, 3, 100)).toEqual([5, 7, 9]);
    expect(await load(9, 4, 2)).toEqual([5, 7]);
    expect(await load(9, 9, 100)).toEqual([]);
    expect(await load(8, 0, 100)).toEqual([2, 6]);
    expect(await load(7, 0, 100)).toEqual([]);
    expect(await load(delayedLane, 0, 100)).toEqual([4, 8]);
  });

  queueStoreTest(
    makeHarness,
    "loads no more bytes than asked for, but one message",
    async (scenario) => {
      const queue = await scenario.queue();
      const sizes = [100, 200, 300, 5_000, 50];
      await scenario.flush({
        inserted: sizes.map((size, index) =>
          storedMessage(queue, index + 1, { event: { body: new Uint8Array(size) } }),
        ),
      });
      const load = async (after: number, maxBytes: number, limit = 100): Promise<number[]> => {
        const bounds = { durable: true, lane: 9, after, limit, maxBytes };
        const loaded = await scenario.store.load({ queue: queue.id, ...bounds });
        return loaded.map(({ seq }) => seq);
      };
      expect(await load(0, 600)).toEqual([1, 2, 3]);
      expect(await load(0, 599)).toEqual([1, 2]);
      expect(await load(0, 10)).toEqual([1]);
      expect(await load(3, 10)).toEqual([4]);
      // In order: a small one behind a large one does not overtake it.
      expect(await load(2, 400)).toEqual([3]);
      expect(await load(3, 5_050)).toEqual([4, 5]);
      expect(await load(0, 600, 2)).toEqual([1, 2]);
      expect(await load(5, 0)).toEqual([]);
    },
  );

  queueStoreTest(makeHarness, "counts the bytes of text as UTF-8", async (scenario) => {
    const queue = await scenario.queue();
    // Two bytes each, and the quotes.
    const body = toJsonText("ż".repeat(49));
    const inserted = [1, 2, 3].map((seq) => storedMessage(queue, seq, { event: { body } }));
    await scenario.flush({ inserted });
    const bounds = { queue: queue.id, durable: true, lane: 9, after: 0, limit: 10 };
    expect(await scenario.store.load({ ...bounds, maxBytes: 200 })).toHaveLength(2);
    expect(await scenario.store.load({ ...bounds, maxBytes: 199 })).toHaveLength(1);
  });

  for (const durable of [true, false])
    queueStoreTest(
      makeHarness,
      `delayed messages come by their time, then by seq (${durable ? "durable" : "transient"})`,
      async (scenario) => {
        const queue = await scenario.queue({ durable });
        const times = [300, 100, 200, 100, 100, 300, 1_700_000_000_123];
        await scenario.flush({
          inserted: [
            ...times.map((deliverAt, index) =>
              storedMessage(queue, index + 1, { lane: delayedLane, deliverAt }),
            ),
            storedMessage(queue, 50),
          ],
        });
        const load = async (
          after: { deliverAt: number; seq: number } | undefined,
          limit: number,
        ): Promise<readonly number[]> => {
          const query = { queue: queue.id, durable, after, limit };
          return (await scenario.store.loadDelayed(query)).map(({ seq }) => seq);
        };
        expect(await load(undefined, 100)).toEqual([2, 4, 5, 3, 1, 6, 7]);
        expect(await load(undefined, 2)).toEqual([2, 4]);
        expect(await load({ deliverAt: 100, seq: 4 }, 3)).toEqual([5, 3, 1]);
        expect(await load({ deliverAt: 100, seq: 99 }, 2)).toEqual([3, 1]);
        expect(await load({ deliverAt: 250, seq: 0 }, 100)).toEqual([1, 6, 7]);
        expect(await load({ deliverAt: 1_700_000_000_123, seq: 7 }, 100)).toEqual([]);
        const whole = await scenario.store.loadDelayed({
          ...{ queue: queue.id, durable, after: undefined, limit: 1 },
        });
        expect(whole).toEqual([storedMessage(queue, 2, { lane: delayedLane, deliverAt: 100 })]);
      },
    );

  queueStoreTest(
    makeHarness,
    "what waits in a window of pages is read once, whole",
    async (scenario) => {
      const queue = await scenario.queue();
      await scenario.flush({ inserted: storedMessages(queue, 1, 1_000) });
      const read: number[] = [];
      for (;;) {
        const after = read.at(-1) ?? 0;
        const bounds = { durable: true, lane: 9, after, limit: 64, maxBytes: 500 };
        const page = await scenario.store.load({ queue: queue.id, ...bounds });
        if (page.length === 0) break;
        read.push(...page.map(({ seq }) => seq));
      }
      expect(read).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
    },
  );

  for (const durable of [true, false])
    queueStoreTest(
      makeHarness,
      `keeps bodies to the last digit and byte (${durable ? "durable" : "transient"})`,
      async (scenario) => {
        const queue = await scenario.queue({ durable });
        const every = Uint8Array.from({ length: 256 }, (_, value) => value);
        const bodies: readonly Payload[] = [
          ...[
            "9007199254740993",
            '{"id":12345678901234567890,"pi":3.14159265358979323846,"e":1E400,"zero":-0.0,"a":1,"a":2}',
            '  [ 1 ,2, "\\u0041\\ud83d\\ude00" ]  ',
            '"\\u0000 \\ud800 \\/ \\b\\f\\n\\r\\t\\\\ \\""',
            '"\u2028\u2029 žluťoučký 🐎 \u007f"',
            "null",
            '""',
            "{}",
          ].map(trustJsonText),
          every,
          new Uint8Array(0),
          every.subarray(100, 110),
          new TextEncoder().encode('{"looks":"like JSON"}'),
          Uint8Array.of(0x5c, 0x78, 0x30, 0x30),
        ];
        await scenario.flush({
          inserted: bodies.map((body, index) =>
            storedMessage(queue, index + 1, { event: { body } }),
          ),
        });
        const loaded = (await scenario.messages(queue)).map(({ event }) => event.body);
        expect(loaded.map(plainPayload)).toEqual(bodies.map(plainPayload));
      },
    );

  queueStoreTest(makeHarness, "keeps every member of a message", async (scenario) => {
    const queue = await scenario.queue();
    const full = storedMessage(queue, Number.MAX_SAFE_INTEGER - 1, {
      lane: 0,
      priority: 9,
      attempts: 12_345,
      expiresAt: 1_900_000_000_123,
      deaths: trustJsonText('[{"queue":"q","reason":"expired","count":9007199254740993, "a":1}]'),
      event: {
        id: oddText,
        exchange: oddText,
        key: oddText,
        headers: trustJsonText('{"b":1.10, "a":"\\u0041","n":9007199254740993,"t":true}'),
        contentType: 'text/plain; charset="utf-8"',
        publishedAt: 1_700_000_000_123,
      },
    });
    const bare = storedMessage(queue, 1, {
      lane: 0,
      priority: 9,
      event: { id: "", exchange: "", key: "", contentType: "" },
    });
    const transient = await scenario.queue({ durable: false });
    const both = [bare, full].flatMap((message) => [message, { ...message, queue: transient.id }]);
    await scenario.flush({ inserted: both });
    expect(await scenario.messages(queue, 0)).toEqual([bare, full]);
    expect((await scenario.messages(transient, 0)).map(({ event }) => event)).toEqual([
      bare.event,
      full.event,
    ]);
  });

  queueStoreTest(makeHarness, "stores a NUL in a key as it is, or refuses it", async (scenario) => {
    const queue = await scenario.queue();
    const odd = storedMessage(queue, 1, { event: { key: "a\u0000b" } });
    const outcome = await scenario.flush({ inserted: [odd, storedMessage(queue, 2)] }).then(
      () => "stored" as const,
      (error: unknown) => error,
    );
    expect(isUnavailable(outcome)).toBe(false);
    const keys = (await scenario.messages(queue)).map(({ event }) => event.key);
    expect(keys).toEqual(outcome === "stored" ? ["a\u0000b", "order.2"] : []);
  });

  queueStoreTest(makeHarness, "a body of 4 MiB", async (scenario) => {
    const queue = await scenario.queue();
    const text = toJsonText("0123456789abcdef".repeat((4 * 1024 * 1024) / 16));
    await scenario.flush({ inserted: [storedMessage(queue, 1, { event: { body: text } })] });
    // toBe on the comparison: a failure must not print 4 MiB.
    expect((await scenario.messages(queue))[0]?.event.body === text).toBe(true);
  });

  queueStoreTest(makeHarness, "durable and transient messages are apart", async (scenario) => {
    const durable = await scenario.queue();
    const transient = await scenario.queue({ durable: false });
    await scenario.flush({
      inserted: [...storedMessages(durable, 1, 2), ...storedMessages(transient, 1, 3)],
    });
    const load = async (queue: number, from: boolean): Promise<readonly StoredMessage[]> => {
      const bounds = { lane: 9, after: 0, limit: 10, maxBytes: 1e6 };
      return await scenario.store.load({ queue, durable: from, ...bounds });
    };
    expect(await load(durable.id, true)).toHaveLength(2);
    expect(await load(durable.id, false)).toEqual([]);
    expect(await load(transient.id, false)).toHaveLength(3);
    expect(await load(transient.id, true)).toEqual([]);
  });

  queueStoreTest(
    makeHarness,
    "what a crash empties is told once, and to each run",
    async (scenario) => {
      const durable = await scenario.queue();
      const transient = await scenario.queue({ durable: false });
      const insert = async (run: typeof scenario, seq: number): Promise<boolean> => {
        const inserted = [durable, transient].map((queue) => storedMessage(queue, seq));
        const outcome = await run.flush({ inserted });
        return outcome.kind === "committed" && outcome.transientIntact;
      };
      expect(await insert(scenario, 1)).toBe(true);
      await scenario.harness.wipeTransient();
      expect(await scenario.seqs(transient)).toEqual([]);
      const told = scenario.prepare({ inserted: [storedMessage(transient, 2)] });
      // The answer may have been lost on its way: the same one comes again.
      for (const _ of [1, 2])
        expect(await scenario.send(told)).toMatchObject({ transientIntact: false });
      expect(await scenario.seqs(transient)).toEqual([2]);
      expect(await insert(scenario, 3)).toBe(true);
      expect(await scenario.seqs(transient)).toEqual([2, 3]);
      expect(await scenario.seqs(durable)).toEqual([1, 3]);

      await scenario.harness.wipeTransient();
      const later = await scenario.next();
      expect(later.stateOf(transient)?.lanes).toEqual([]);
      expect(await insert(later, 4)).toBe(true);
      // Another node's run sees the same loss for itself.
      const other = await later.another();
      await later.harness.wipeTransient();
      const inserts = [await insert(later, 5), await insert(other, 6), await insert(later, 7)];
      expect(inserts).toEqual([false, false, true]);
    },
  );

  queueStoreTest(
    makeHarness,
    "a loss between a flush and its repetition is told by the next",
    async (scenario) => {
      const transient = await scenario.queue({ durable: false });
      const flush = scenario.prepare({ inserted: [storedMessage(transient, 1)] });
      expect(await scenario.send(flush)).toMatchObject({ transientIntact: true });
      await scenario.harness.wipeTransient();
      expect(await scenario.send(flush)).toMatchObject({ kind: "committed" });
      expect(await scenario.seqs(transient)).toEqual([]);
      expect(await scenario.flush({})).toMatchObject({ transientIntact: false });
      expect(await scenario.flush({})).toMatchObject({ transientIntact: true });
    },
  );
}

function plainPayload(body: Payload): string {
  return typeof body === "string" ? `text ${body}` : `bytes ${Buffer.from(body).toString("hex")}`;
}
