import { expect } from "bun:test";
import type { BindingDefinition, Topology } from "@switchyard/core";
import {
  brokerStoreTest,
  type BrokerStoreHarness,
  type MakeBrokerStoreHarness,
  queueDefinition,
  uniqueName,
} from "./queue-store-scenario.ts";

/** Bindings: what makes two the same, what they need, and what takes them along. */
export function topologyBindingContract(makeHarness: MakeBrokerStoreHarness): void {
  brokerStoreTest(makeHarness, "binds to queues, channels and exchanges, once", async (harness) => {
    const { topology } = harness;
    const { exchange, other, queue } = await declareSome(harness);
    const bindings: readonly BindingDefinition[] = [
      binding(exchange, { type: "queue", name: queue }),
      binding(exchange, { type: "queue", name: queue }, { key: "order.#" }),
      binding(exchange, { type: "exchange", name: other }),
      binding(exchange, { type: "channel", name: "orders:{headers.warehouse}" }),
      binding(exchange, { type: "channel", name: queue }, { durable: false }),
      binding(exchange, { type: "queue", name: queue }, { match: { mode: "all", headers: {} } }),
      binding(
        exchange,
        { type: "queue", name: queue },
        { match: { mode: "any", headers: { text: "1", number: 1.5, flag: true, "odd \"'": "ż" } } },
      ),
    ];
    for (const each of bindings) expect(await topology.bind(each)).toMatchObject({ kind: "bound" });
    const { version } = await topology.load();
    for (const each of bindings)
      expect(await topology.bind(structuredClone(each))).toMatchObject({ kind: "unchanged" });
    expect(await topology.changesSince(version)).toEqual([]);
    const { topology: reopened } = await harness.reopen();
    const loaded = bindingsOf(await reopened.load(), exchange);
    expect(loaded).toHaveLength(bindings.length);
    for (const each of bindings) expect(loaded).toContainEqual(each);
  });

  brokerStoreTest(
    makeHarness,
    "exchange, destination, key and match make the difference",
    async (harness) => {
      const { topology } = harness;
      const { exchange, other, queue } = await declareSome(harness);
      const base = binding(
        exchange,
        { type: "queue", name: queue },
        { key: "k", match: { mode: "all", headers: { a: 1, b: "x" } } },
      );
      expect(await topology.bind(base)).toMatchObject({ kind: "bound" });
      const same: readonly BindingDefinition[] = [
        { ...base, durable: false },
        { ...base, match: { mode: "all", headers: { b: "x", a: 1 } } },
      ];
      for (const each of same)
        expect(await topology.bind(each)).toMatchObject({ kind: "unchanged" });
      expect(bindingsOf(await topology.load(), exchange)).toEqual([base]);
      const different: readonly BindingDefinition[] = [
        { ...base, exchange: other },
        { ...base, key: "K" },
        { ...base, key: "" },
        { ...base, destination: { type: "channel", name: queue } },
        { ...base, match: undefined },
        { ...base, match: { mode: "any", headers: { a: 1, b: "x" } } },
        { ...base, match: { mode: "all", headers: { a: "1", b: "x" } } },
        { ...base, match: { mode: "all", headers: { a: true, b: "x" } } },
        { ...base, match: { mode: "all", headers: { a: 1 } } },
      ];
      for (const each of different) expect(await topology.unbind(each)).toBeUndefined();
      for (const each of different)
        expect(await topology.bind(each)).toMatchObject({ kind: "bound" });
      const [unlikeInDurable, unlikeInOrder] = same;
      if (!unlikeInDurable || !unlikeInOrder) throw new Error("there are two");
      expect(await topology.unbind(unlikeInOrder)).toBeNumber();
      expect(await topology.unbind(base)).toBeUndefined();
      await topology.bind(base);
      expect(await topology.unbind(unlikeInDurable)).toBeNumber();
      expect(bindingsOf(await topology.load(), exchange)).toHaveLength(different.length - 1);
      for (const each of different) expect(await topology.unbind(each)).toBeNumber();
      expect(bindingsOf(await topology.load(), exchange)).toEqual([]);
    },
  );

  brokerStoreTest(makeHarness, "says what is missing", async (harness) => {
    const { topology } = harness;
    const { exchange, queue } = await declareSome(harness);
    const missing = uniqueName("missing");
    const { version } = await topology.load();
    const outcomes = [
      await topology.bind(binding(missing, { type: "queue", name: queue })),
      await topology.bind(binding(exchange, { type: "queue", name: missing })),
      // An exchange's name is no queue's, nor the other way round.
      await topology.bind(binding(exchange, { type: "queue", name: exchange })),
      await topology.bind(binding(exchange, { type: "exchange", name: queue })),
      await topology.bind(binding(missing, { type: "channel", name: "news" })),
    ];
    expect(outcomes).toEqual([
      { kind: "missing", what: "exchange", name: missing },
      { kind: "missing", what: "queue", name: missing },
      { kind: "missing", what: "queue", name: exchange },
      { kind: "missing", what: "exchange", name: queue },
      { kind: "missing", what: "exchange", name: missing },
    ]);
    expect(await topology.changesSince(version)).toEqual([]);
    expect(await topology.unbind(binding(missing, { type: "queue", name: queue }))).toBeUndefined();
  });

  brokerStoreTest(makeHarness, "a queue takes its bindings along", async (harness) => {
    const { topology } = harness;
    const { exchange, other, queue } = await declareSome(harness);
    const stays = queueDefinition();
    await topology.declareQueue(stays);
    const gone = [
      binding(exchange, { type: "queue", name: queue }),
      binding(exchange, { type: "queue", name: queue }, { key: "k" }),
      binding(other, { type: "queue", name: queue }),
    ];
    const kept = [
      binding(exchange, { type: "queue", name: stays.name }),
      binding(exchange, { type: "channel", name: queue }),
    ];
    for (const each of [...gone, ...kept]) await topology.bind(each);
    expect(await topology.deleteQueue(queue)).toBeNumber();
    const loaded = await topology.load();
    expect(loaded.queues.filter(({ name }) => name === queue)).toEqual([]);
    expect(bindingsOf(loaded, other)).toEqual([]);
    expect(bindingsOf(loaded, exchange)).toHaveLength(kept.length);
    for (const each of kept) expect(bindingsOf(loaded, exchange)).toContainEqual(each);
    // They do not come back with the name.
    await topology.declareQueue(queueDefinition({ name: queue }));
    expect(bindingsOf(await topology.load(), exchange)).toHaveLength(kept.length);
  });

  brokerStoreTest(
    makeHarness,
    "an exchange takes its bindings along, both ends",
    async (harness) => {
      const { topology } = harness;
      const { exchange, other, queue } = await declareSome(harness);
      const twin = queueDefinition({ name: exchange });
      await topology.declareQueue(twin);
      const kept = [
        binding(other, { type: "queue", name: queue }),
        binding(other, { type: "queue", name: twin.name }),
      ];
      const gone = [
        binding(exchange, { type: "queue", name: queue }),
        binding(exchange, { type: "exchange", name: other }),
        binding(exchange, { type: "exchange", name: exchange }),
        binding(other, { type: "exchange", name: exchange }, { key: "k" }),
      ];
      for (const each of [...gone, ...kept])
        expect(await topology.bind(each)).toMatchObject({ kind: "bound" });
      expect(await topology.deleteExchange(exchange)).toBeNumber();
      const loaded = await topology.load();
      expect(loaded.exchanges.filter(({ name }) => name === exchange)).toEqual([]);
      expect(bindingsOf(loaded, exchange)).toEqual([]);
      expect(bindingsOf(loaded, other)).toHaveLength(kept.length);
      for (const each of kept) expect(bindingsOf(loaded, other)).toContainEqual(each);
    },
  );

  brokerStoreTest(makeHarness, "bound at once is bound once", async (harness) => {
    const { exchange, queue } = await declareSome(harness);
    const { topology: other } = await harness.reopen();
    for (let round = 0; round < 5; round += 1) {
      const each = binding(exchange, { type: "queue", name: queue }, { key: `${round}` });
      const outcomes = await Promise.all(
        [harness.topology, other, harness.topology].map((store) => store.bind(each)),
      );
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
        "bound",
        "unchanged",
        "unchanged",
      ]);
    }
    expect(bindingsOf(await other.load(), exchange)).toHaveLength(5);
  });

  brokerStoreTest(makeHarness, "no binding outlives its ends", async (harness) => {
    const { topology } = harness;
    const { topology: other } = await harness.reopen();
    for (let round = 0; round < 10; round += 1) {
      const { exchange, queue } = await declareSome(harness);
      const [outcome] = await Promise.all([
        topology.bind(binding(exchange, { type: "queue", name: queue })),
        round % 2 === 0 ? other.deleteQueue(queue) : other.deleteExchange(exchange),
      ]);
      expect(["bound", "missing"]).toContain(outcome.kind);
      expect(bindingsOf(await topology.load(), exchange)).toEqual([]);
    }
  });
}

async function declareSome({
  topology,
}: BrokerStoreHarness): Promise<{ exchange: string; other: string; queue: string }> {
  const [exchange, other, queue] = [uniqueName("x"), uniqueName("other"), uniqueName("q")];
  await topology.declareExchange({ name: exchange, type: "topic", alternateExchange: undefined });
  await topology.declareExchange({ name: other, type: "fanout", alternateExchange: undefined });
  await topology.declareQueue(queueDefinition({ name: queue }));
  return { exchange, other, queue };
}

function binding(
  exchange: string,
  destination: BindingDefinition["destination"],
  members: Partial<BindingDefinition> = {},
): BindingDefinition {
  return { exchange, destination, key: "", match: undefined, durable: true, ...members };
}

function bindingsOf(topology: Topology, exchange: string): readonly BindingDefinition[] {
  return topology.bindings.filter((each) => each.exchange === exchange);
}
