import { expect, test } from "bun:test";
import type { BindingDefinition, ExchangeDefinition } from "../ports/topology-store.ts";
import type { TopologyDocument } from "./broker-operations.ts";
import { createTestBroker, queueNamed } from "./harness/test-broker.ts";

const fanout: ExchangeDefinition = { name: "new", type: "fanout", alternateExchange: undefined };
const news: TopologyDocument = {
  exchanges: [fanout],
  queues: [queueNamed("new")],
  bindings: [],
};
const bound: BindingDefinition = {
  exchange: "new",
  key: "k",
  match: undefined,
  destination: { type: "channel", name: "c" },
  durable: true,
};

test.each([
  [
    "a binding that is there",
    { ...news, bindings: [{ ...bound, exchange: "amq.direct", durable: false }] },
    /"amq.direct" to the channel "c" .*: durable\./,
  ],
  [
    "two bindings of the document",
    { ...news, bindings: [bound, { ...bound, durable: false }] },
    /"new" to the channel "c" .*: durable\./,
  ],
  [
    "two queues of the document",
    { ...news, queues: [...news.queues, queueNamed("new", { ttlMs: 5 })] },
    /queue "new" .*: ttl_ms\./,
  ],
  [
    "two exchanges of the document",
    { ...news, exchanges: [fanout, { ...fanout, type: "topic" }] },
    /exchange "new" .*: type\./,
  ],
] as const)("an import changes nothing when one differs from %s", async (_, document, message) => {
  const { broker } = createTestBroker();
  await broker.start();
  await broker.bind({ ...bound, exchange: "amq.direct" });
  const before = broker.exportTopology();
  const thrown: unknown = await broker.importTopology(document).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ kind: "preconditionFailed" });
  expect(String(thrown)).toMatch(message);
  expect(broker.exportTopology()).toEqual(before);
  // The same without what differs.
  expect(await broker.importTopology({ ...news, bindings: [bound, bound] })).toEqual({
    exchanges: 1,
    queues: 1,
    bindings: 1,
  });
  await broker.stop();
});
