import { describe, expect, test } from "bun:test";
import type {
  BindingDefinition,
  ExchangeDefinition,
  QueueDefinition,
} from "../ports/topology-store.ts";
import { bindingKey, differingMembers } from "./definitions.ts";

const exchange: ExchangeDefinition = { name: "x", type: "topic", alternateExchange: undefined };
const queue: QueueDefinition = {
  name: "q",
  durable: true,
  exclusiveTo: undefined,
  autoDelete: false,
  expiresMs: undefined,
  ttlMs: 1_000,
  maxLength: undefined,
  maxBytes: undefined,
  overflow: "drop-head",
  deadLetterExchange: undefined,
  deadLetterKey: undefined,
  maxAttempts: 5,
  retry: { initialMs: 10, maximumMs: 100, jitter: 0 },
  singleActiveConsumer: false,
};

describe("differingMembers", () => {
  test("names nothing for what is the same", () => {
    expect(differingMembers(exchange, { ...exchange })).toEqual([]);
    expect(
      differingMembers(queue, { ...queue, retry: { jitter: 0, maximumMs: 100, initialMs: 10 } }),
    ).toEqual([]);
  });

  test("names all that differs", () => {
    expect(
      differingMembers(exchange, { ...exchange, type: "direct", alternateExchange: "other" }),
    ).toEqual(["alternateExchange", "type"]);
    expect(
      differingMembers(queue, {
        ...queue,
        durable: false,
        ttlMs: undefined,
        overflow: "dead-letter",
      }),
    ).toEqual(["durable", "overflow", "ttlMs"]);
  });

  test("looks into the retry policy", () => {
    expect(
      differingMembers(queue, { ...queue, retry: { initialMs: 10, maximumMs: 100, jitter: 0.5 } }),
    ).toEqual(["retry"]);
    expect(differingMembers(queue, { ...queue, retry: undefined })).toEqual(["retry"]);
    expect(differingMembers({ ...queue, retry: undefined }, queue)).toEqual(["retry"]);
    // As a stored document of another version may have it.
    const less = { initialMs: 10, maximumMs: 100 } as QueueDefinition["retry"];
    expect(differingMembers({ ...queue, retry: less }, queue)).toEqual(["retry"]);
  });

  test("takes a missing member for an undefined one", () => {
    const { ttlMs: _, ...rest } = queue;
    // What a JSON document without the member holds.
    const missing = rest as QueueDefinition;
    expect(differingMembers(missing, { ...queue, ttlMs: undefined })).toEqual([]);
    expect(differingMembers(missing, queue)).toEqual(["ttlMs"]);
  });
});

describe("bindingKey", () => {
  const binding: BindingDefinition = {
    exchange: "x",
    key: "a.*",
    match: { mode: "all", headers: { a: 1, b: "2" } },
    destination: { type: "queue", name: "q" },
    durable: true,
  };

  test("is the same whatever the order of headers, and for any durability", () => {
    const same = {
      ...binding,
      match: { mode: "all" as const, headers: { b: "2", a: 1 } },
      durable: false,
    };
    expect(bindingKey(same)).toBe(bindingKey(binding));
  });

  test("differs with all that makes a binding another", () => {
    const others: readonly Partial<BindingDefinition>[] = [
      {},
      { exchange: "y" },
      { key: "a.#" },
      { destination: { type: "exchange", name: "q" } },
      { destination: { type: "queue", name: "r" } },
      { match: undefined },
      { match: { mode: "any", headers: { a: 1, b: "2" } } },
      { match: { mode: "all", headers: { a: "1", b: "2" } } },
      { match: { mode: "all", headers: { a: 1 } } },
      { match: { mode: "all", headers: {} } },
    ];
    expect(new Set(others.map((other) => bindingKey({ ...binding, ...other }))).size).toBe(
      others.length,
    );
  });

  test("no names run together", () => {
    const named = (exchange: string, name: string, key: string): string =>
      bindingKey({ ...binding, exchange, destination: { type: "queue", name }, key });
    expect(new Set([named("a,b", "c", ""), named("a", "b,c", ""), named("a", "b", "c")]).size).toBe(
      3,
    );
  });
});
