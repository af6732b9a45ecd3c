import { expect } from "bun:test";
import type { BindingDefinition, TopologyStore } from "@switchyard/core";
import {
  brokerStoreTest,
  failureOf,
  isUnavailable,
  type MakeBrokerStoreHarness,
  queueDefinition,
  uniqueName,
} from "./queue-store-scenario.ts";
import { topologyContents, TopologyReplica } from "./topology-replica.ts";

/** Versions, and the changes by which nodes that missed an announcement catch up. */
export function topologyChangeContract(makeHarness: MakeBrokerStoreHarness): void {
  brokerStoreTest(
    makeHarness,
    "the version grows with every change, and is answered",
    async (harness) => {
      const { topology } = harness;
      const name = uniqueName("both");
      const queue = queueDefinition({ name });
      const exchange = { name, type: "topic", alternateExchange: undefined };
      const binding = bindingTo(name, name);
      const versions = [(await topology.load()).version];
      const steps: readonly [string, (store: TopologyStore) => Promise<unknown>][] = [
        ["declared", (store) => store.declareQueue(queue)],
        ["declared", (store) => store.declareExchange(exchange)],
        ["bound", (store) => store.bind(binding)],
        ["number", (store) => store.unbind(binding)],
        ["bound", (store) => store.bind(binding)],
        ["number", (store) => store.deleteExchange(name)],
        ["number", (store) => store.deleteQueue(name)],
      ];
      const { topology: other } = await harness.reopen();
      for (const [index, [kind, step]] of steps.entries()) {
        const outcome = await step(index % 2 === 0 ? topology : other);
        if (kind === "number") expect(outcome).toBeNumber();
        else expect(outcome).toMatchObject({ kind });
        const { version } = await topology.load();
        expect(version).toBeGreaterThan(versions.at(-1) ?? 0);
        expect(typeof outcome === "number" ? { version: outcome } : outcome).toMatchObject({
          version,
        });
        versions.push(version);
      }
      expect(versions.every(Number.isSafeInteger)).toBe(true);
    },
  );

  brokerStoreTest(
    makeHarness,
    "tells the changes above a version, in order",
    async ({ topology }) => {
      const name = uniqueName("both");
      const queue = queueDefinition({ name, retry: { initialMs: 1, maximumMs: 9, jitter: 0.5 } });
      const exchange = { name, type: "topic", alternateExchange: "alternate" };
      const binding = bindingTo(name, name);
      const { version } = await topology.load();
      await topology.declareExchange(exchange);
      const declared = await topology.declareQueue(queue);
      await topology.bind(binding);
      await topology.unbind(binding);
      await topology.deleteQueue(name);
      const last = await topology.deleteExchange(name);
      const changes = await topology.changesSince(version);
      expect(changes.map(({ version: _version, ...change }) => change)).toEqual([
        { type: "exchangeDeclared", exchange },
        { type: "queueDeclared", queue },
        { type: "bound", binding },
        { type: "unbound", binding },
        { type: "queueDeleted", name },
        { type: "exchangeDeleted", name },
      ]);
      const versions = changes.map((change) => change.version);
      expect(versions).toEqual(versions.toSorted((left, right) => left - right));
      expect(new Set(versions).size).toBe(changes.length);
      expect(versions.at(-1)).toBe(last);
      if (declared.kind === "mismatch") throw new Error("a new queue cannot differ");
      expect(await topology.changesSince(declared.version)).toEqual(changes.slice(2));
      expect(await topology.changesSince(last ?? 0)).toEqual([]);
    },
  );

  brokerStoreTest(makeHarness, "who follows the changes has what load has", async (harness) => {
    const { topology: other } = await harness.reopen();
    const replica = new TopologyReplica(await other.load());
    const names = Array.from({ length: 6 }, () => uniqueName("n"));
    const [first = "", second = ""] = names;
    for (const name of names) {
      await harness.topology.declareExchange({ name, type: "topic", alternateExchange: undefined });
      await harness.topology.declareQueue(queueDefinition({ name }));
    }
    for (const source of names)
      for (const name of names) {
        await harness.topology.bind(bindingTo(source, name));
        const destination = { type: "exchange", name } as const;
        await harness.topology.bind({ ...bindingTo(source, name), destination });
      }
    await replica.follow(other);
    await harness.topology.deleteExchange(first);
    await harness.topology.deleteQueue(second);
    await harness.topology.deleteQueue(first);
    await harness.topology.declareQueue(queueDefinition({ name: first, ttlMs: 5 }));
    await harness.topology.unbind(bindingTo(second, names[2] ?? ""));
    await replica.follow(other);
    const loaded = await other.load();
    expect(replica.contents()).toEqual(topologyContents(loaded));
    expect(replica.version).toBe(loaded.version);
  });

  brokerStoreTest(makeHarness, "who follows while others write misses nothing", async (harness) => {
    const { topology: other } = await harness.reopen();
    const stores = [harness.topology, other];
    const replica = new TopologyReplica(await other.load());
    const written = new AbortController();
    const write = async (store: TopologyStore): Promise<void> => {
      for (let round = 0; round < 15; round += 1) {
        const name = uniqueName("n");
        await store.declareExchange({ name, type: "topic", alternateExchange: undefined });
        await store.declareQueue(queueDefinition({ name }));
        await store.bind(bindingTo(name, name));
        if (round % 3 === 0) await store.deleteQueue(name);
        if (round % 5 === 0) await store.deleteExchange(name);
      }
    };
    const late: TopologyReplica[] = [];
    const follow = async (): Promise<void> => {
      while (!written.signal.aborted) {
        await replica.follow(other);
        // A load in the midst of it all is a whole too: of one version, from which the changes go on.
        if (late.length < 5) late.push(new TopologyReplica(await other.load()));
      }
    };
    const following = follow();
    try {
      await Promise.all([...stores, ...stores].map(write));
    } finally {
      written.abort();
      await following;
    }
    const loaded = topologyContents(await harness.topology.load());
    for (const each of [replica, ...late]) {
      await each.follow(other);
      expect(each.contents()).toEqual(loaded);
    }
  });

  brokerStoreTest(makeHarness, "every method says that the store is away", async (harness) => {
    const { topology } = harness;
    const name = uniqueName("n");
    const exchange = { name, type: "topic", alternateExchange: undefined };
    await topology.declareExchange(exchange);
    await harness.cutOff();
    const operations: readonly [string, () => Promise<unknown>][] = [
      ["load", () => topology.load()],
      ["changesSince", () => topology.changesSince(0)],
      ["declareExchange", () => topology.declareExchange(exchange)],
      ["declareQueue", () => topology.declareQueue(queueDefinition({ name }))],
      ["bind", () => topology.bind(bindingTo(name, name))],
      ["unbind", () => topology.unbind(bindingTo(name, name))],
      ["deleteExchange", () => topology.deleteExchange(name)],
      ["deleteQueue", () => topology.deleteQueue(name)],
    ];
    for (const [method, operation] of operations) {
      const error = await failureOf(operation());
      expect([method, isUnavailable(error)]).toEqual([method, true]);
    }
  });
}

function bindingTo(exchange: string, queue: string): BindingDefinition {
  const destination = { type: "queue", name: queue } as const;
  return { exchange, key: "k", match: undefined, destination, durable: true };
}
