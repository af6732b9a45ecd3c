import { describe, expect, test } from "bun:test";
import type { TopologyDocument } from "@switchyard/core";
import { routesHarness } from "./harness/routes-harness.ts";
import { plainQueue } from "./harness/scripted-broker.ts";

const plainMembers = {
  durable: true,
  auto_delete: false,
  overflow: "drop-head",
  single_active_consumer: false,
};

const fullMembers = {
  durable: false,
  auto_delete: true,
  expires_ms: 1,
  ttl_ms: 2,
  max_length: 3,
  max_bytes: 4,
  overflow: "reject-publish",
  dead_letter_exchange: "amq.default",
  dead_letter_key: "k",
  max_attempts: 5,
  retry: { initial_ms: 6, maximum_ms: 7, jitter: 0.5 },
  single_active_consumer: true,
};

const fullDefinition = {
  name: "q",
  durable: false,
  exclusiveTo: undefined,
  autoDelete: true,
  expiresMs: 1,
  ttlMs: 2,
  maxLength: 3,
  maxBytes: 4,
  overflow: "reject-publish",
  deadLetterExchange: "",
  deadLetterKey: "k",
  maxAttempts: 5,
  retry: { initialMs: 6, maximumMs: 7, jitter: 0.5 },
  singleActiveConsumer: true,
} as const;

async function parsed(
  answer: Promise<readonly [status: number, text: string]>,
): Promise<readonly [number, unknown]> {
  const [status, text] = await answer;
  return [status, text === "" ? undefined : JSON.parse(text)];
}

describe("queues", () => {
  test("declared with nothing, and with everything", async () => {
    const api = routesHarness();
    expect(await parsed(api.ask("PUT /v1/queues/p"))).toEqual([
      201,
      { name: "p", ...plainMembers },
    ]);
    expect(await parsed(api.ask("PUT /v1/queues/q", fullMembers))).toEqual([
      201,
      { name: "q", ...fullMembers },
    ]);
    const { builtIn: _, counts: __, rates: ___, ...plain } = plainQueue("p");
    expect(api.calls[0]).toMatchObject(["declareQueue", { name: plain.name, durable: true }]);
    expect(api.calls[1]).toEqual(["declareQueue", fullDefinition]);
  });

  test("200 when it was there", async () => {
    const api = routesHarness({ declareQueue: async () => false });
    expect((await api.ask("PUT /v1/queues/p"))[0]).toBe(200);
  });

  test("described", async () => {
    const queue = plainQueue("p", { ready: 1, readyBytes: 2, oldestAgeMs: 3, exclusiveTo: "c" });
    const api = routesHarness({ queue: () => queue, queues: () => [queue] });
    const described = {
      name: "p",
      ...plainMembers,
      built_in: false,
      exclusive: true,
      ready: 1,
      bytes: 2,
      unsettled: 0,
      delayed: 0,
      consumers: 0,
      oldest_age_ms: 3,
      counts: queue.counts,
      rates: queue.rates,
    };
    expect(await parsed(api.ask("GET /v1/queues/p"))).toEqual([200, described]);
    expect(await parsed(api.ask("GET /v1/queues"))).toEqual([200, { queues: [described] }]);
  });

  test("a condition in the body of a DELETE deletes nothing", async () => {
    const api = routesHarness();
    const init = { method: "DELETE", headers: { "X-API-Key": "k" }, body: '{"if_empty":true}' };
    const response = await api.app.request("http://localhost/v1/queues/p", init, {});
    expect([response.status, await response.json()]).toMatchObject([400, { field: "body" }]);
    expect(api.calls).toEqual([]);
  });

  test("deleted and purged", async () => {
    const api = routesHarness({ deleteQueue: async () => 2, purgeQueue: async () => 3 });
    expect(await api.ask("DELETE /v1/queues/p?if_unused=true")).toEqual([200, '{"messages":2}']);
    expect(await api.ask("POST /v1/queues/p/purge")).toEqual([200, '{"messages":3}']);
    expect(api.calls).toEqual([
      ["deleteQueue", "p", { ifEmpty: false, ifUnused: true }],
      ["purgeQueue", "p"],
    ]);
  });
});

describe("exchanges", () => {
  const exchange = { name: "x", type: "topic", alternateExchange: "y" };
  const shown = { name: "x", type: "topic", alternate_exchange: "y" };

  test("declared", async () => {
    const api = routesHarness();
    const body = { type: "topic", alternate_exchange: "y" };
    expect(await parsed(api.ask("PUT /v1/exchanges/x", body))).toEqual([201, shown]);
    expect(await parsed(api.ask("PUT /v1/exchanges/x", {}))).toMatchObject([
      400,
      { field: "type", message: "type is missing" },
    ]);
    expect(api.calls).toEqual([["declareExchange", exchange]]);
  });

  test("described, the default one under its name for paths", async () => {
    const counts = { builtIn: true, published: 1, unroutable: 2 };
    const api = routesHarness({
      exchanges: () => [
        { ...exchange, ...counts },
        { name: "", type: "direct", alternateExchange: undefined, ...counts },
      ],
    });
    const numbers = { built_in: true, published: 1, unroutable: 2 };
    const byDefault = { name: "amq.default", type: "direct", ...numbers };
    expect(await parsed(api.ask("GET /v1/exchanges"))).toEqual([
      200,
      { exchanges: [{ ...shown, ...numbers }, byDefault] },
    ]);
    expect(await parsed(api.ask("GET /v1/exchanges/amq.default"))).toEqual([200, byDefault]);
    expect(await parsed(api.ask("GET /v1/exchanges/z"))).toEqual([
      404,
      { code: 404, message: 'no exchange "z"', field: "name" },
    ]);
  });

  test("deleted", async () => {
    const api = routesHarness();
    expect(await api.ask("DELETE /v1/exchanges/x")).toEqual([204, ""]);
    expect(await api.ask("DELETE /v1/exchanges/x?if_unused=true")).toEqual([204, ""]);
    expect(api.calls).toEqual([
      ["deleteExchange", "x", { ifUnused: false }],
      ["deleteExchange", "x", { ifUnused: true }],
    ]);
  });
});

describe("bindings", () => {
  const body = {
    exchange: "x",
    key: "a.*",
    match: { mode: "any", headers: { h: 1 } },
    destination: { type: "channel", name: "orders:{headers.h}" },
    durable: false,
  };
  const binding = { ...body };

  test("made and removed", async () => {
    const api = routesHarness();
    expect(await parsed(api.ask("POST /v1/bindings", body))).toEqual([201, body]);
    expect(await api.ask("DELETE /v1/bindings", body)).toEqual([204, ""]);
    expect(api.calls as unknown[]).toEqual([
      ["bind", binding],
      ["unbind", binding],
    ]);
  });

  test("defaults", async () => {
    const api = routesHarness({ bind: async () => false });
    const short = { exchange: "x", destination: { type: "queue", name: "q" } };
    expect(await parsed(api.ask("POST /v1/bindings", short))).toEqual([
      200,
      { ...short, key: "", durable: true },
    ]);
    const wrong = { ...short, destination: { type: "topic", name: "q" } };
    expect(await parsed(api.ask("POST /v1/bindings", wrong))).toMatchObject([
      400,
      { field: "destination.type" },
    ]);
  });

  test("listed by source and by queue", async () => {
    const to = (exchange: string, type: "queue" | "exchange", name: string) =>
      ({
        exchange,
        key: "",
        match: undefined,
        destination: { type, name },
        durable: true,
      }) as const;
    const all = [to("x", "queue", "q"), to("", "queue", "q"), to("x", "exchange", "q")];
    const api = routesHarness({ bindings: () => all });
    const listed = async (query: string): Promise<unknown> => {
      const [, body] = await parsed(api.ask(`GET /v1/bindings${query}`));
      // The shape is what the test above has shown.
      const { bindings } = body as { bindings: typeof all };
      return bindings.map(({ exchange, destination }) => `${exchange} ${destination.type}`);
    };
    expect(await listed("")).toEqual(["x queue", "amq.default queue", "x exchange"]);
    expect(await listed("?exchange=x")).toEqual(["x queue", "x exchange"]);
    expect(await listed("?exchange=amq.default")).toEqual(["amq.default queue"]);
    expect(await listed("?queue=q")).toEqual(["x queue", "amq.default queue"]);
    expect(await listed("?exchange=x&queue=q")).toEqual(["x queue"]);
  });
});

test("what is exported can be imported", async () => {
  const topology: TopologyDocument = {
    exchanges: [{ name: "x", type: "headers", alternateExchange: "y" }],
    queues: [fullDefinition],
    bindings: [
      {
        exchange: "x",
        key: "",
        match: { mode: "all", headers: { a: "b" } },
        destination: { type: "queue", name: "q" },
        durable: true,
      },
    ],
  };
  const api = routesHarness({
    exportTopology: () => topology,
    importTopology: async () => ({ exchanges: 1, queues: 2, bindings: 3 }),
  });
  const [, text] = await api.ask("GET /v1/topology");
  expect(await api.ask("POST /v1/topology", text)).toEqual([
    200,
    '{"exchanges":1,"queues":2,"bindings":3}',
  ]);
  expect(api.calls.at(-1)).toEqual(["importTopology", topology]);
});
