import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RunningServer, startServer } from "@switchyard/testkit";
import { eventually } from "../../endurance/harness/server-figures.ts";

const keys = {
  shop: { key: "shop-key", scopes: ["publish:orders", "read"] },
  packer: { key: "packer-key", scopes: ["consume:packing*"] },
  monitor: { key: "monitor-key", scopes: ["operator"] },
};

let server: RunningServer;

beforeAll(async () => {
  const listed = Object.entries(keys).map(([name, members]) => ({ name, ...members }));
  server = await startServer({ config: JSON.stringify({ api: { keys: listed } }) });
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
}, 30_000);

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
}

/** `request` is "POST /v1/…". `body` goes as it is when it is text, else as JSON. */
async function ask(request: string, body?: unknown, key = server.apiKey): Promise<Answer> {
  const [method = "", path = ""] = request.split(" ");
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { "X-API-Key": key },
    ...(text !== undefined && { body: text }),
  });
  const answer = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, text: answer, json: isJson ? JSON.parse(answer) : undefined };
}

interface Pulled {
  readonly receipt: string;
  readonly body: unknown;
  readonly attempt: number;
  readonly redelivered: boolean;
}

async function pull(queue: string, body: unknown): Promise<readonly Pulled[]> {
  const { status, json } = await ask(`POST /v1/queues/${queue}/pull`, body);
  expect(status).toBe(200);
  // The shape is what the document says; the tests look at its members.
  return (json as { readonly deliveries: readonly Pulled[] }).deliveries;
}

/** Declares `queue` and binds it to the topic exchange `exchange` by `key`. */
async function lead(exchange: string, key: string, queue: string, members = {}): Promise<void> {
  expect((await ask(`PUT /v1/exchanges/${exchange}`, { type: "topic" })).status).toBeLessThan(300);
  expect((await ask(`PUT /v1/queues/${queue}`, members)).status).toBeLessThan(300);
  const destination = { type: "queue", name: queue };
  expect((await ask("POST /v1/bindings", { exchange, key, destination })).status).toBe(201);
}

describe("from publisher to consumer", () => {
  test("a body arrives as it was spelt, and is gone once acknowledged", async () => {
    await lead("orders", "order.*", "packing");
    const body = '{"n":9007199254740993,"price":1.50}';
    const event = `{"key":"order.created","headers":{"warehouse":"ams"},"body":${body}}`;
    const published = await ask("POST /v1/exchanges/orders/publish", event);
    expect(published).toMatchObject({ status: 200, json: { routed: 1 } });
    const pulled = await ask("POST /v1/queues/packing/pull", { max: 10 });
    expect(pulled.text).toContain(`"body":${body}`);
    expect(pulled.json).toMatchObject({
      deliveries: [
        {
          queue: "packing",
          exchange: "orders",
          key: "order.created",
          headers: { warehouse: "ams" },
          attempt: 1,
          redelivered: false,
          deaths: [],
        },
      ],
    });
    const { deliveries } = pulled.json as { readonly deliveries: readonly Pulled[] };
    const receipts = deliveries.map(({ receipt }) => receipt);
    const acknowledged = await ask("POST /v1/queues/packing/ack", { receipts });
    expect(acknowledged.json).toEqual({ results: ["settled"], settled: 1 });
    const again = await ask("POST /v1/queues/packing/ack", { receipts });
    expect(again.json).toEqual({ results: ["unknown"], settled: 0 });
    const left = await ask("GET /v1/queues/packing");
    expect(left.json).toMatchObject({ ready: 0, unsettled: 0, counts: { acknowledged: 1 } });
  });

  test("a batch: a bad event fails alone, a known id is confirmed again, the order is kept", async () => {
    await lead("batch", "#", "batched");
    const events = [
      { body: 1, id: "one" },
      { body: 2, priority: 99 },
      { body: 3, id: "one" },
      { body: 4 },
    ];
    const { json } = await ask("POST /v1/exchanges/batch/publish", { events });
    expect(json).toMatchObject({
      results: [
        { id: "one", routed: 1 },
        { error: { code: 107, field: "priority", index: 1 } },
        { id: "one", duplicate: true },
        { routed: 1 },
      ],
    });
    const pulled = await pull("batched", { max: 10, wait_ms: 1_000 });
    expect(pulled.map(({ body }) => body)).toEqual([1, 4]);
  });

  test("what nothing takes comes back when it is mandatory", async () => {
    await ask("PUT /v1/exchanges/nowhere", { type: "topic" });
    const { json } = await ask("POST /v1/exchanges/nowhere/publish", { body: 7, mandatory: true });
    expect(json).toMatchObject({
      routed: 0,
      returned: true,
      event: { body: 7, mandatory: true },
    });
    const missing = await ask("POST /v1/exchanges/no.such/publish", { body: 7 });
    expect(missing).toMatchObject({ status: 404, json: { code: 404 } });
  });

  test("a long poll ends with the first message", async () => {
    await ask("PUT /v1/queues/polled");
    const polled = pull("polled", { wait_ms: 60_000 });
    const event = { key: "polled", body: "now" };
    const published = await ask("POST /v1/exchanges/amq.default/publish", event);
    expect(published.json).toMatchObject({ routed: 1 });
    expect(await polled).toMatchObject([{ body: "now" }]);
  });

  test("a long poll whose client has gone takes nothing", async () => {
    await ask("PUT /v1/queues/left");
    const gone = new AbortController();
    const poll = fetch(`${server.url}/v1/queues/left/pull`, {
      method: "POST",
      headers: { "X-API-Key": server.apiKey },
      body: '{"wait_ms":60000}',
      signal: gone.signal,
    }).catch(() => "gone");
    // Answered by the same server after the poll has begun.
    await ask("GET /v1/queues/left");
    gone.abort();
    expect(await poll).toBe("gone");
    await ask("POST /v1/exchanges/amq.default/publish", { key: "left", body: 1 });
    // At once, or, where it had been on its way to the one that has gone, when that is noticed; never after a lease.
    expect(await pull("left", { wait_ms: 10_000 })).toMatchObject([{ body: 1 }]);
  });

  test("nack gives back, reject makes a dead letter that can be replayed", async () => {
    await ask("PUT /v1/queues/tried");
    await ask("POST /v1/exchanges/amq.default/publish", { key: "tried", body: 1 });
    const [first] = await pull("tried", { wait_ms: 5_000 });
    await ask("POST /v1/queues/tried/nack", { receipts: [first?.receipt] });
    const [second] = await pull("tried", { wait_ms: 5_000 });
    expect(second).toMatchObject({ body: 1, attempt: 2 });
    await ask("POST /v1/queues/tried/reject", { receipts: [second?.receipt] });
    // It travels on its own, after the answer.
    const path = "/v1/queues/switchyard.dead-letters/messages";
    await eventually(
      "a dead letter",
      10_000,
      () => ask(`GET ${path}`),
      ({ text }) => text.includes('"reason":"rejected"'),
    );
    expect((await ask(`GET ${path}`)).json).toMatchObject({
      messages: [{ body: 1, deaths: [{ queue: "tried", reason: "rejected", count: 1 }] }],
    });
    const replayed = await ask("POST /v1/queues/switchyard.dead-letters/replay");
    expect(replayed.json).toEqual({ replayed: 1, scheduled: 0, kept: 0 });
    expect(await pull("tried", { wait_ms: 5_000 })).toMatchObject([{ body: 1 }]);
  });
});

describe("topology", () => {
  test("declared once, then there, then refused with other properties", async () => {
    expect((await ask("PUT /v1/queues/same", { ttl_ms: 5_000 })).status).toBe(201);
    expect((await ask("PUT /v1/queues/same", { ttl_ms: 5_000 })).status).toBe(200);
    const other = await ask("PUT /v1/queues/same", { ttl_ms: 6_000 });
    expect(other).toMatchObject({ status: 409, json: { code: 406 } });
    expect((await ask("DELETE /v1/queues/same?if_empty=true")).json).toEqual({ messages: 0 });
    expect((await ask("GET /v1/queues/same")).status).toBe(404);
  });

  test("what is exported is there when it is imported", async () => {
    await lead("exported", "a.#", "exported.q", { max_length: 10, overflow: "reject-publish" });
    const { text } = await ask("GET /v1/topology");
    expect((await ask("POST /v1/topology", text)).json).toEqual({
      exchanges: 0,
      queues: 0,
      bindings: 0,
    });
    await ask("DELETE /v1/queues/exported.q");
    await ask("DELETE /v1/exchanges/exported");
    expect((await ask("POST /v1/topology", text)).json).toEqual({
      exchanges: 1,
      queues: 1,
      bindings: 1,
    });
  });
});

describe("keys", () => {
  test.each([
    ["POST /v1/exchanges/orders/publish", { body: 1 }, "shop", 200],
    ["POST /v1/exchanges/amq.default/publish", { body: 1 }, "shop", 403],
    ["GET /v1/queues", undefined, "shop", 200],
    ["PUT /v1/queues/shop.q", {}, "shop", 403],
    ["POST /api/info", {}, "shop", 403],
    ["GET /metrics", undefined, "shop", 403],
    ["POST /v1/queues/packing/pull", {}, "packer", 200],
    ["POST /v1/queues/other/pull", {}, "packer", 403],
    ["GET /metrics", undefined, "monitor", 200],
    ["GET /v1/queues", undefined, "monitor", 403],
    ["GET /v1/openapi.json", undefined, "monitor", 200],
  ] as const)("%s %p with the key of %s: %p", async (request, body, name, status) => {
    // The queue is there, whatever ran before.
    await ask("PUT /v1/exchanges/orders", { type: "topic" });
    await ask("PUT /v1/queues/packing");
    expect((await ask(request, body, keys[name].key)).status).toBe(status);
  });

  test("no key: 401", async () => {
    expect((await ask("GET /v1/queues", undefined, "wrong")).status).toBe(401);
    expect((await ask("POST /api/info", {}, "wrong")).status).toBe(401);
    expect((await ask("GET /metrics", undefined, "wrong")).status).toBe(401);
  });
});
