import { expect, test } from "bun:test";
import type { BindingState, BrokerState, ExchangeState, QueueState } from "./broker-state.ts";
import { layOut } from "./graph-layout.ts";
import { pathsOf, topologyGraph } from "./topology-graph.ts";

function exchange(name: string, more: Partial<ExchangeState> = {}): ExchangeState {
  return { name, type: "topic", built_in: false, published: 0, unroutable: 0, ...more };
}

function queue(name: string): QueueState {
  const totals = { published: 0, delivered: 0, redelivered: 0, acknowledged: 0 };
  return {
    ...{ name, durable: true, built_in: false, exclusive: false, auto_delete: false },
    ...{ overflow: "drop-head", ready: 0, bytes: 0, unsettled: 0, delayed: 0, consumers: 0 },
    counts: { ...totals, dead: 0, expired: 0, dropped: 0 },
  };
}

function binding(
  exchange: string,
  destination: string,
  key = "",
  type: BindingState["destination"]["type"] = "queue",
): BindingState {
  return { exchange, key, destination: { type, name: destination } };
}

const shop: BrokerState = {
  exchanges: [
    exchange("amq.default", { built_in: true }),
    exchange("amq.topic", { built_in: true, published: 3 }),
    exchange("orders", { alternate_exchange: "unmatched" }),
    exchange("audit", { type: "fanout" }),
    exchange("unmatched"),
  ],
  queues: [queue("billing"), queue("log"), queue("packing")],
  bindings: [
    binding("orders", "packing", "order.paid"),
    binding("orders", "packing", "order.created"),
    binding("orders", "audit", "#", "exchange"),
    binding("audit", "log"),
    binding("orders", "orders:{headers.warehouse}", "#", "channel"),
    {
      ...binding("orders", "billing"),
      match: { mode: "all", headers: { vip: true, country: "NL" } },
    },
  ],
};

test("the graph has one edge from a node to another, with all keys; what is unused of the built-in is counted", () => {
  const { nodes, edges, unused } = topologyGraph(shop);
  expect(nodes.map(({ id }) => id)).toEqual([
    "exchange:amq.topic",
    "exchange:orders",
    "exchange:audit",
    "exchange:unmatched",
    "queue:billing",
    "queue:log",
    "queue:packing",
    "channel:orders:{headers.warehouse}",
  ]);
  expect(edges.map(({ from, to, kind, keys }) => [kind, from, to, ...keys])).toEqual([
    ["binding", "exchange:orders", "queue:packing", "order.created", "order.paid"],
    ["binding", "exchange:orders", "exchange:audit", "#"],
    ["binding", "exchange:audit", "queue:log"],
    ["binding", "exchange:orders", "channel:orders:{headers.warehouse}", "#"],
    ["binding", "exchange:orders", "queue:billing", "all: vip=true, country=NL"],
    ["alternate", "exchange:orders", "exchange:unmatched"],
  ]);
  expect(unused).toBe(1);
});

test("the paths of a node lead to it and from it, not to its neighbours' other neighbours", () => {
  const { edges } = topologyGraph(shop);
  expect([...pathsOf("exchange:audit", edges).nodes].toSorted()).toEqual([
    "exchange:audit",
    "exchange:orders",
    "queue:log",
  ]);
  expect([...pathsOf("queue:log", edges).nodes].toSorted()).toEqual([
    "exchange:audit",
    "exchange:orders",
    "queue:log",
  ]);
  expect(pathsOf("queue:log", edges).edges.size).toBe(2);
});

test("nodes stand in columns, an exchange right of those that feed it, and none over another", () => {
  const { nodes, width } = layOut(topologyGraph(shop), 1_000);
  const column = (id: string): number => nodes.find((node) => node.id === id)?.x ?? -1;
  expect(column("exchange:orders")).toBe(0);
  expect(column("exchange:audit")).toBeGreaterThan(column("exchange:orders"));
  expect(column("queue:log")).toBeGreaterThan(column("exchange:audit"));
  expect(column("channel:orders:{headers.warehouse}")).toBe(column("queue:log"));
  expect(width).toBeLessThanOrEqual(1_000);
  for (const a of nodes) {
    expect(a.y).toBeGreaterThanOrEqual(0);
    for (const b of nodes) {
      if (a.id < b.id && a.x === b.x)
        expect(a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true);
    }
  }
});

test("bindings in a circle are laid out too, and as many queues as there may be", () => {
  const circle: BrokerState = {
    exchanges: [exchange("a"), exchange("b"), exchange("c")],
    queues: Array.from({ length: 60 }, (_, index) => queue(`q${index}`)),
    bindings: [
      ...["ab", "bc", "ca", "aa"].map(([from = "", to = ""]) => binding(from, to, "", "exchange")),
      ...Array.from({ length: 60 }, (_, index) => binding("a", `q${index}`, "k")),
    ],
  };
  const { nodes, edges } = layOut(topologyGraph(circle), 300);
  expect([nodes.length, edges.length]).toEqual([63, 64]);
  for (const { d } of edges) expect(d).not.toMatch(/NaN|Infinity|undefined/);
});

test("an edge that passes a column goes between its nodes", () => {
  const { nodes, edges } = layOut(topologyGraph(shop), 1_000);
  const passing = edges.find(({ to }) => to === "queue:packing");
  const level = Number(/ (\S+)H/.exec(passing?.d ?? "")?.[1]);
  expect(level).toBeGreaterThan(0);
  for (const { id, y, height } of nodes) {
    if (id === "exchange:audit" || id === "exchange:unmatched")
      expect([id, level > y && level < y + height]).toEqual([id, false]);
  }
});
