import { expect } from "bun:test";
import type { ExchangeDefinition, QueueDefinition } from "@switchyard/core";
import {
  brokerStoreTest,
  type MakeBrokerStoreHarness,
  queueDefinition,
  uniqueName,
} from "./queue-store-scenario.ts";

const oddName = `quote"'\\\` {braces},NULL \t żółw 🐢 __proto__ `;

/** Exchanges and queues: declared once, whoever declares. */
export function topologyDeclareContract(makeHarness: MakeBrokerStoreHarness): void {
  brokerStoreTest(makeHarness, "gives back what was declared", async (harness) => {
    const { topology } = harness;
    const name = uniqueName(oddName);
    const exchanges: readonly ExchangeDefinition[] = [
      { name, type: "topic", alternateExchange: uniqueName("alternate") },
      { name: uniqueName("plain"), type: "x-registered-later", alternateExchange: undefined },
    ];
    const queues: readonly QueueDefinition[] = [queueDefinition(), fullQueue(name)];
    for (const exchange of exchanges)
      expect(await topology.declareExchange(exchange)).toMatchObject({ kind: "declared" });
    for (const queue of queues)
      expect(await topology.declareQueue(queue)).toMatchObject({ kind: "declared" });
    for (const store of [topology, (await harness.reopen()).topology]) {
      const loaded = await store.load();
      for (const exchange of exchanges)
        expect(loaded.exchanges.filter((each) => each.name === exchange.name)).toEqual([exchange]);
      for (const queue of queues)
        expect(loaded.queues.filter((each) => each.name === queue.name)).toEqual([queue]);
    }
  });

  brokerStoreTest(makeHarness, "declaring again changes nothing", async ({ topology }) => {
    const exchange = { name: uniqueName("x"), type: "direct", alternateExchange: "alt" };
    const queue = fullQueue(uniqueName("q"));
    await topology.declareExchange(exchange);
    await topology.declareQueue(queue);
    const { version } = await topology.load();
    expect(await topology.declareExchange({ ...exchange })).toMatchObject({ kind: "unchanged" });
    expect(await topology.declareQueue(structuredClone(queue))).toEqual({
      kind: "unchanged",
      version,
    });
    expect(await topology.changesSince(version)).toEqual([]);
    expect((await topology.load()).version).toBe(version);
  });

  brokerStoreTest(
    makeHarness,
    "an exchange that differs is named by its members",
    async (harness) => {
      const { topology } = harness;
      const exchange = { name: uniqueName("x"), type: "direct", alternateExchange: undefined };
      await topology.declareExchange(exchange);
      const { version } = await topology.load();
      const mismatch = async (members: Partial<ExchangeDefinition>): Promise<unknown> =>
        sortedMembers(await topology.declareExchange({ ...exchange, ...members }));
      expect(await mismatch({ type: "topic" })).toEqual(["type"]);
      expect(await mismatch({ alternateExchange: "" })).toEqual(["alternateExchange"]);
      expect(await mismatch({ type: "fanout", alternateExchange: "a" })).toEqual([
        "alternateExchange",
        "type",
      ]);
      expect(await topology.changesSince(version)).toEqual([]);
      expect(await topology.declareExchange(exchange)).toMatchObject({ kind: "unchanged" });
    },
  );

  brokerStoreTest(
    makeHarness,
    "a queue that differs is named by its members",
    async ({ topology }) => {
      const name = uniqueName("q");
      const full = fullQueue(name);
      const bare = queueDefinition({ name: uniqueName("q") });
      await topology.declareQueue(full);
      await topology.declareQueue(bare);
      const { version } = await topology.load();
      const others: Omit<QueueDefinition, "name"> = {
        durable: true,
        exclusiveTo: "other",
        autoDelete: false,
        expiresMs: 11,
        ttlMs: 12,
        maxLength: 13,
        maxBytes: 14,
        overflow: "dead-letter",
        deadLetterExchange: "other",
        deadLetterKey: "other",
        maxAttempts: 15,
        retry: { initialMs: 1, maximumMs: 2, jitter: 0.5 },
        singleActiveConsumer: false,
      };
      for (const [member, value] of Object.entries(others)) {
        const outcome = await topology.declareQueue({ ...full, [member]: value });
        expect(sortedMembers(outcome)).toEqual([member]);
      }
      const optional = Object.keys(others).filter(
        (member) => full[member as keyof QueueDefinition] !== undefined && !(member in required), // keys of a definition
      );
      for (const member of optional) {
        const outcome = await topology.declareQueue({ ...full, [member]: undefined });
        expect(sortedMembers(outcome)).toEqual([member]);
      }
      expect(sortedMembers(await topology.declareQueue({ ...full, name: bare.name }))).toEqual(
        Object.keys(others).toSorted(),
      );
      expect(await topology.changesSince(version)).toEqual([]);
      const { queues } = await topology.load();
      expect(queues.filter((queue) => queue.name === name)).toEqual([full]);
    },
  );

  brokerStoreTest(
    makeHarness,
    "a part of a retry policy is part of the queue",
    async ({ topology }) => {
      const queue = fullQueue(uniqueName("q"));
      const { retry } = queue;
      if (retry === undefined) throw new Error("a full queue has a policy");
      await topology.declareQueue(queue);
      for (const change of [{ initialMs: 1 }, { maximumMs: 1 }, { jitter: 0.26 }]) {
        const outcome = await topology.declareQueue({ ...queue, retry: { ...retry, ...change } });
        expect(sortedMembers(outcome)).toEqual(["retry"]);
      }
    },
  );

  brokerStoreTest(makeHarness, "an exchange and a queue may share a name", async ({ topology }) => {
    const name = uniqueName("both");
    const exchange = { name, type: "fanout", alternateExchange: undefined };
    expect(await topology.declareExchange(exchange)).toMatchObject({ kind: "declared" });
    expect(await topology.declareQueue(queueDefinition({ name }))).toMatchObject({
      kind: "declared",
    });
    expect(await topology.deleteExchange(name)).toBeNumber();
    expect((await topology.load()).queues.some((queue) => queue.name === name)).toBe(true);
  });

  brokerStoreTest(makeHarness, "declarations at once agree on one definition", async (harness) => {
    const other = await harness.reopen();
    const stores = [harness.topology, other.topology, harness.topology, other.topology];
    for (let round = 0; round < 5; round += 1) {
      const name = uniqueName("q");
      const queues = await Promise.all(
        stores.map((store, index) => store.declareQueue(queueDefinition({ name, ttlMs: index }))),
      );
      const exchanges = await Promise.all(
        stores.map((store, index) =>
          store.declareExchange({ name, type: `type ${index}`, alternateExchange: undefined }),
        ),
      );
      for (const outcomes of [queues, exchanges])
        expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
          "declared",
          "mismatch",
          "mismatch",
          "mismatch",
        ]);
      const topology = await other.topology.load();
      const winner = queues.findIndex(({ kind }) => kind === "declared");
      expect(topology.queues.filter((queue) => queue.name === name)).toEqual([
        queueDefinition({ name, ttlMs: winner }),
      ]);
      const exchange = exchanges.findIndex(({ kind }) => kind === "declared");
      expect(topology.exchanges.find((each) => each.name === name)?.type).toBe(`type ${exchange}`);
    }
  });

  brokerStoreTest(makeHarness, "the same declared at once is declared once", async (harness) => {
    const other = await harness.reopen();
    const stores = [harness.topology, other.topology, harness.topology, other.topology];
    for (let round = 0; round < 5; round += 1) {
      const queue = fullQueue(uniqueName("q"));
      const outcomes = await Promise.all(stores.map((store) => store.declareQueue(queue)));
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual([
        "declared",
        "unchanged",
        "unchanged",
        "unchanged",
      ]);
    }
  });

  brokerStoreTest(
    makeHarness,
    "what is deleted may be declared otherwise",
    async ({ topology }) => {
      const name = uniqueName("both");
      const exchange = { name, type: "fanout", alternateExchange: undefined };
      await topology.declareExchange(exchange);
      await topology.declareQueue(queueDefinition({ name }));
      for (const remove of [
        () => topology.deleteExchange(name),
        () => topology.deleteQueue(name),
      ]) {
        expect(await remove()).toBeNumber();
        expect(await remove()).toBeUndefined();
      }
      expect(await topology.declareExchange({ ...exchange, type: "topic" })).toMatchObject({
        kind: "declared",
      });
      expect(await topology.declareQueue(fullQueue(name))).toMatchObject({ kind: "declared" });
    },
  );
}

const required = { durable: 0, autoDelete: 0, overflow: 0, singleActiveConsumer: 0 };

/** Every member other than in `queueDefinition`. */
function fullQueue(name: string): QueueDefinition {
  return {
    name,
    durable: false,
    exclusiveTo: "connection-1",
    autoDelete: true,
    expiresMs: 86_400_000,
    ttlMs: 0,
    maxLength: 1_000,
    maxBytes: Number.MAX_SAFE_INTEGER,
    overflow: "reject-publish",
    deadLetterExchange: "",
    deadLetterKey: oddName,
    maxAttempts: 3,
    retry: { initialMs: 1_000, maximumMs: 60_000, jitter: 0.25 },
    singleActiveConsumer: true,
  };
}

function sortedMembers(outcome: {
  readonly kind: string;
  readonly members?: readonly string[];
}): readonly string[] | string {
  return outcome.members?.toSorted() ?? outcome.kind;
}
