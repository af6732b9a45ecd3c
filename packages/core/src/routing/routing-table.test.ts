import { describe, expect, test } from "bun:test";
import type {
  BindingDefinition,
  BindingDestination,
  ExchangeDefinition,
  HeaderMatch,
  QueueDefinition,
  Topology,
} from "../ports/topology-store.ts";
import { RoutingTable } from "./routing-table.ts";
import type { RoutedEvent } from "./route.ts";

type Parts = { [Member in "exchanges" | "queues" | "bindings"]?: Topology[Member] };

const table = ({ exchanges = [], queues = [], bindings = [] }: Parts): RoutingTable => {
  const made = new RoutingTable();
  made.load({ exchanges, queues, bindings });
  return made;
};

const exchange = (name: string, type: string, alternateExchange?: string): ExchangeDefinition => ({
  name,
  type,
  alternateExchange,
});

const queue = (name: string): QueueDefinition => ({
  name,
  durable: true,
  exclusiveTo: undefined,
  autoDelete: false,
  expiresMs: undefined,
  ttlMs: undefined,
  maxLength: undefined,
  maxBytes: undefined,
  overflow: "drop-head",
  deadLetterExchange: undefined,
  deadLetterKey: undefined,
  maxAttempts: undefined,
  retry: undefined,
  singleActiveConsumer: false,
});

const bind = (
  exchange: string,
  type: BindingDestination["type"],
  name: string,
  key = "",
  more: { match?: HeaderMatch; durable?: boolean } = {},
): BindingDefinition => ({
  exchange,
  key,
  match: more.match,
  destination: { type, name },
  durable: more.durable ?? true,
});

const event = (exchange: string, key = "", headers: RoutedEvent["headers"] = {}): RoutedEvent => ({
  exchange,
  key,
  headers,
});

/** Queues and channels in order of their names. */
function destinations(
  routing: RoutingTable,
  exchange: string,
  key = "",
  headers: RoutedEvent["headers"] = {},
): string[] | undefined {
  // Twice, so that what is remembered is looked at too.
  const [first, second] = [0, 1].map(() => routing.route(event(exchange, key, headers)));
  expect(second).toEqual(first);
  return (
    first && [
      ...first.queues.toSorted(),
      ...first.channels
        .map(({ channel, durable }) => `${channel}${durable ? "" : " (at most once)"}`)
        .toSorted(),
    ]
  );
}

describe("built-in exchanges", () => {
  test("the default exchange reaches every queue by its name", () => {
    const routing = table({ queues: [queue("a"), queue("b.c")] });
    expect(destinations(routing, "", "a")).toEqual(["a"]);
    expect(destinations(routing, "", "b.c")).toEqual(["b.c"]);
    expect(destinations(routing, "", "c")).toEqual([]);
    routing.apply({ type: "queueDeclared", queue: queue("c") });
    expect(destinations(routing, "", "c")).toEqual(["c"]);
    routing.apply({ type: "queueDeleted", name: "c" });
    expect(destinations(routing, "", "c")).toEqual([]);
    expect(routing.bindings()).toEqual([]);
  });

  test("the default exchange cannot be bound, at neither end", () => {
    const routing = table({
      exchanges: [exchange("x", "fanout")],
      queues: [queue("q")],
      bindings: [bind("", "queue", "q", "other"), bind("x", "exchange", "")],
    });
    expect(routing.bindings()).toEqual([]);
    expect(destinations(routing, "", "other")).toEqual([]);
    expect(destinations(routing, "x", "q")).toEqual([]);
  });

  test("one of each type is there and can be bound, before and after a load", () => {
    const routing = new RoutingTable();
    const names = ["", "amq.direct", "amq.fanout", "amq.headers", "amq.topic"];
    expect(routing.exchanges().map(({ name }) => name)).toEqual(names);
    routing.load({ exchanges: [], queues: [queue("q")], bindings: [] });
    expect(routing.exchanges().map(({ name }) => name)).toEqual(names);
    routing.apply({ type: "bound", binding: bind("amq.topic", "queue", "q", "a.*") });
    expect(destinations(routing, "amq.topic", "a.b")).toEqual(["q"]);
  });

  test("they stay as they are", () => {
    const routing = table({ queues: [queue("q")] });
    routing.apply({ type: "exchangeDeleted", name: "" });
    routing.apply({ type: "exchangeDeleted", name: "amq.topic" });
    routing.apply({ type: "exchangeDeclared", exchange: exchange("amq.topic", "fanout", "y") });
    expect(routing.exchange("amq.topic")).toEqual(exchange("amq.topic", "topic"));
    expect(destinations(routing, "", "q")).toEqual(["q"]);
  });
});

test("an exchange that does not exist has no route, one without bindings an empty one", () => {
  const routing = table({ exchanges: [exchange("x", "topic")] });
  expect(routing.route(event("y"))).toBeUndefined();
  expect(routing.route(event("x"))).toEqual({ queues: [], channels: [] });
});

describe("union over bindings", () => {
  test("one copy per queue, whatever leads there", () => {
    const routing = table({
      exchanges: [exchange("x", "topic"), exchange("y", "fanout")],
      queues: [queue("p"), queue("q")],
      bindings: [
        bind("x", "queue", "q", "a.*"),
        bind("x", "queue", "q", "#"),
        bind("x", "queue", "p", "*.b"),
        bind("x", "exchange", "y", "#"),
        bind("y", "queue", "q"),
      ],
    });
    expect(destinations(routing, "x", "a.b")).toEqual(["p", "q"]);
    expect(destinations(routing, "x", "c")).toEqual(["q"]);
  });

  test("one copy per channel, durable when one of its bindings is", () => {
    const routing = table({
      exchanges: [exchange("x", "topic")],
      bindings: [
        bind("x", "channel", "c:{key.1}", "#", { durable: false }),
        bind("x", "channel", "c:a", "#.a.#"),
        bind("x", "channel", "c:{headers.h}", "#", { durable: false }),
        bind("x", "channel", "d:{key}", "#", { durable: false }),
      ],
    });
    expect(destinations(routing, "x", "a", { h: "a" })).toEqual(["c:a", "d:a (at most once)"]);
    expect(destinations(routing, "x", "b.a", { h: "b" })).toEqual([
      "c:a",
      "c:b (at most once)",
      "d:b.a (at most once)",
    ]);
  });

  test("exchanges bound in circles end, with one copy", () => {
    const routing = table({
      exchanges: ["a", "b", "c"].map((name) => exchange(name, "fanout")),
      queues: [queue("q"), queue("r")],
      bindings: [
        bind("a", "exchange", "a"),
        bind("a", "exchange", "b"),
        bind("b", "exchange", "c"),
        bind("c", "exchange", "a"),
        bind("b", "queue", "q"),
        bind("c", "queue", "q"),
        bind("a", "queue", "r"),
      ],
    });
    for (const start of ["a", "b", "c"]) expect(destinations(routing, start)).toEqual(["q", "r"]);
  });

  test("no chain of exchanges is too long", () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `x${index}`);
    const routing = table({
      exchanges: names.map((name) => exchange(name, "fanout")),
      queues: [queue("q")],
      bindings: [
        ...names.slice(1).map((name, index) => bind(`x${index}`, "exchange", name)),
        bind("x19999", "queue", "q"),
      ],
    });
    expect(destinations(routing, "x0")).toEqual(["q"]);
  });

  test("exchanges of several types are passed with the event as it is", () => {
    const routing = table({
      exchanges: [exchange("x", "direct"), exchange("y", "headers"), exchange("z", "topic")],
      queues: [queue("q"), queue("r")],
      bindings: [
        bind("x", "exchange", "y", "a.b"),
        bind("y", "exchange", "z", "", { match: { mode: "all", headers: { h: 1 } } }),
        bind("z", "queue", "q", "a.*"),
        bind("x", "queue", "r", "a.b"),
      ],
    });
    expect(destinations(routing, "x", "a.b", { h: 1 })).toEqual(["q", "r"]);
    expect(destinations(routing, "x", "a.b", { h: 2 })).toEqual(["r"]);
    expect(destinations(routing, "x", "a.c", { h: 1 })).toEqual([]);
  });
});

describe("channels", () => {
  const routing = table({
    exchanges: [exchange("x", "fanout", "rest"), exchange("rest", "fanout")],
    queues: [queue("unrouted")],
    bindings: [
      bind("x", "channel", "orders:{headers.warehouse}"),
      bind("x", "channel", "broken:{"),
      bind("rest", "queue", "unrouted"),
    ],
  });

  test("are named by the event", () => {
    expect(destinations(routing, "x", "k", { warehouse: "a" })).toEqual(["orders:a"]);
    expect(destinations(routing, "x", "k", { warehouse: "b c" })).toEqual(["orders:b%20c"]);
  });

  test("do not take an event that lacks the value: it counts as unroutable", () => {
    expect(destinations(routing, "x", "k")).toEqual(["unrouted"]);
  });

  test("take values by a pattern that is given", () => {
    const loose = new RoutingTable({ channelValue: /[a-z:]+/ });
    loose.apply({ type: "bound", binding: bind("amq.fanout", "channel", "{key}") });
    expect(destinations(loose, "amq.fanout", "a:b")).toEqual(["a:b"]);
    expect(destinations(loose, "amq.fanout", "A:b")).toEqual(["A%3Ab"]);
  });
});

describe("alternate exchange", () => {
  const routing = table({
    exchanges: [
      exchange("a", "direct", "b"),
      exchange("b", "direct", "c"),
      exchange("c", "direct", "a"),
      exchange("outer", "fanout"),
      exchange("lost", "direct", "nowhere"),
      exchange("by name", "direct", ""),
      exchange("strange", "not a type", "b"),
    ],
    queues: [queue("qa"), queue("qb"), queue("qc"), queue("qo")],
    bindings: [
      bind("a", "queue", "qa", "a"),
      bind("b", "queue", "qb", "b"),
      bind("c", "queue", "qc", "c"),
      bind("outer", "exchange", "a"),
      bind("outer", "queue", "qo"),
      bind("strange", "queue", "qa", "b"),
    ],
  });

  test("takes what no binding matches, through a chain, and a circle ends", () => {
    expect(["a", "b", "c", "d"].map((key) => destinations(routing, "a", key))).toEqual([
      ["qa"],
      ["qb"],
      ["qc"],
      [],
    ]);
  });

  test("is that of the exchange where nothing matches, also on the way from another", () => {
    expect(destinations(routing, "outer", "b")).toEqual(["qb", "qo"]);
  });

  test("may be missing, or the default exchange", () => {
    expect(destinations(routing, "lost", "a")).toEqual([]);
    expect(destinations(routing, "by name", "qa")).toEqual(["qa"]);
  });

  test("takes all that comes to an exchange of a type that is not known", () => {
    expect(destinations(routing, "strange", "b")).toEqual(["qb"]);
  });
});

describe("changes", () => {
  test("what is deleted takes its bindings with it, at both ends", () => {
    const routing = table({
      exchanges: [exchange("x", "fanout"), exchange("y", "fanout")],
      queues: [queue("q"), queue("r")],
      bindings: [
        bind("x", "queue", "q"),
        bind("x", "exchange", "y"),
        bind("y", "queue", "r"),
        bind("y", "channel", "c"),
      ],
    });
    expect(destinations(routing, "x")).toEqual(["q", "r", "c"]);
    routing.apply({ type: "queueDeleted", name: "q" });
    expect(destinations(routing, "x")).toEqual(["r", "c"]);
    routing.apply({ type: "exchangeDeleted", name: "y" });
    expect(destinations(routing, "x")).toEqual([]);
    expect(routing.bindings()).toEqual([]);
    routing.apply({ type: "exchangeDeclared", exchange: exchange("y", "fanout") });
    routing.apply({ type: "queueDeclared", queue: queue("q") });
    expect(destinations(routing, "x")).toEqual([]);
    expect(destinations(routing, "y")).toEqual([]);
  });

  test("a change that was applied already does nothing", () => {
    const routing = table({ exchanges: [exchange("x", "direct")], queues: [queue("q")] });
    const binding = bind("x", "queue", "q", "k");
    const again = (change: Parameters<RoutingTable["apply"]>[0]): void => {
      routing.apply(change);
      routing.apply(change);
    };
    again({ type: "bound", binding });
    again({ type: "exchangeDeclared", exchange: exchange("x", "direct") });
    again({ type: "queueDeclared", queue: queue("q") });
    expect(routing.bindings()).toEqual([binding]);
    expect(destinations(routing, "x", "k")).toEqual(["q"]);
    expect(destinations(routing, "", "q")).toEqual(["q"]);
    again({ type: "unbound", binding });
    expect(destinations(routing, "x", "k")).toEqual([]);
    again({ type: "queueDeleted", name: "q" });
    again({ type: "exchangeDeleted", name: "x" });
    expect([routing.queues(), routing.exchange("x"), routing.bindings()]).toEqual([
      [],
      undefined,
      [],
    ]);
  });

  test("a binding that comes again with another durability replaces the first", () => {
    const routing = table({ exchanges: [exchange("x", "fanout")] });
    routing.apply({ type: "bound", binding: bind("x", "channel", "c") });
    expect(destinations(routing, "x")).toEqual(["c"]);
    routing.apply({ type: "bound", binding: bind("x", "channel", "c", "", { durable: false }) });
    expect(destinations(routing, "x")).toEqual(["c (at most once)"]);
    expect(routing.binding(bind("x", "channel", "c"))?.durable).toBe(false);
  });

  test("an exchange that is declared anew with another type keeps its bindings", () => {
    const routing = table({
      exchanges: [exchange("x", "direct")],
      queues: [queue("q")],
      bindings: [bind("x", "queue", "q", "a.*")],
    });
    expect(destinations(routing, "x", "a.b")).toEqual([]);
    routing.apply({ type: "exchangeDeclared", exchange: exchange("x", "topic") });
    expect(destinations(routing, "x", "a.b")).toEqual(["q"]);
  });

  test("a binding without one of its ends is left out", () => {
    const routing = table({
      exchanges: [exchange("x", "fanout")],
      bindings: [bind("x", "queue", "q"), bind("x", "exchange", "y"), bind("y", "channel", "c")],
    });
    expect(routing.bindings()).toEqual([]);
    expect(destinations(routing, "x")).toEqual([]);
  });

  test("a load forgets what was there before", () => {
    const routing = table({
      exchanges: [exchange("x", "fanout")],
      queues: [queue("q")],
      bindings: [bind("x", "queue", "q"), bind("amq.fanout", "queue", "q")],
    });
    expect(destinations(routing, "amq.fanout")).toEqual(["q"]);
    routing.load({ exchanges: [], queues: [queue("r")], bindings: [] });
    expect(routing.queues()).toEqual([queue("r")]);
    expect(routing.bindings()).toEqual([]);
    expect(destinations(routing, "x")).toBeUndefined();
    expect(destinations(routing, "amq.fanout")).toEqual([]);
    expect(destinations(routing, "", "q")).toEqual([]);
  });
});

test("lookups", () => {
  const binding = bind("x", "queue", "q", "k");
  const routing = table({
    exchanges: [exchange("x", "direct", "y")],
    queues: [queue("q")],
    bindings: [binding],
  });
  expect(routing.exchange("x")).toEqual(exchange("x", "direct", "y"));
  expect(routing.queue("q")).toEqual(queue("q"));
  expect([routing.exchange("q"), routing.queue("x")]).toEqual([undefined, undefined]);
  expect(routing.bindings()).toEqual([binding]);
  expect(routing.binding({ ...binding })).toBe(binding);
  expect(routing.binding({ ...binding, key: "other" })).toBeUndefined();
  expect(routing.bindingsFrom("x")).toEqual([binding]);
  expect(routing.bindingsFrom("missing")).toEqual([]);
  expect(routing.bindingsFrom("")).toEqual([bind("", "queue", "q", "q")]);
});

test("a route is remembered unless headers were asked", () => {
  const routing = table({
    exchanges: [exchange("h", "headers"), exchange("x", "topic"), exchange("t", "topic")],
    queues: [queue("q")],
    bindings: [
      bind("h", "queue", "q"),
      bind("x", "exchange", "h", "h"),
      bind("x", "channel", "{headers.a}", "c"),
      bind("x", "queue", "q", "q"),
      bind("t", "queue", "q", "#"),
    ],
  });
  const remembered = (exchange: string, key: string): boolean => {
    const first = routing.route(event(exchange, key, { a: 1 }));
    return routing.route(event(exchange, key, { a: 1 })) === first;
  };
  expect(
    [
      ["h", ""],
      ["x", "h"],
      ["x", "c"],
      ["x", "q"],
      ["t", "k"],
      ["", "q"],
    ].map(([name, key]) => remembered(name ?? "", key ?? "")),
  ).toEqual([false, false, false, true, true, true]);
});
