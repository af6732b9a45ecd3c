import { describe, expect, test } from "bun:test";
import { type BrowsedMessage, type PulledDelivery, SwitchyardError } from "@switchyard/core";
import { parseJsonText, type JsonText } from "@switchyard/protocol";
import { routesHarness } from "./harness/routes-harness.ts";

function json(text: string): JsonText {
  const parsed = parseJsonText(text);
  if (parsed === undefined) throw new Error(`${text} is not JSON`);
  return parsed;
}

const delivery: PulledDelivery = {
  receipt: "r1",
  queue: "q",
  tag: 0,
  id: "i",
  exchange: "x",
  key: 'k"',
  headers: json('{"n":1.50}'),
  body: json("9007199254740993"),
  contentType: "application/json",
  redelivered: false,
  attempt: 1,
  publishedAt: 5,
  priority: 3,
  deaths: undefined,
};

describe("publishing", () => {
  test("one event", async () => {
    const api = routesHarness();
    expect(await api.ask("POST /v1/exchanges/x/publish", '{"body":1.50}')).toEqual([
      200,
      '{"id":"generated-0","routed":1}',
    ]);
    expect(api.calls).toMatchObject([["publish", [{ exchange: "x", body: "1.50" }], "key:"]]);
  });

  test("the publisher is the key's name, and amq.default the default exchange", async () => {
    const api = routesHarness({}, { scopes: ["publish"] });
    await api.ask("POST /v1/exchanges/amq.default/publish", '{"body":1}');
    expect(api.calls).toMatchObject([["publish", [{ exchange: "" }], "key:shop"]]);
  });

  test("every outcome of one event", async () => {
    const outcomes = [
      { kind: "confirmed", id: "a", routed: 2, duplicate: true },
      { kind: "returned", id: "b" },
      { kind: "failed", id: "c", error: new SwitchyardError("notFound", { detail: "no x" }) },
      { kind: "failed", id: undefined, error: new Error("secret") },
    ] as const;
    const answers: unknown[] = [];
    for (const outcome of outcomes) {
      const api = routesHarness({ publish: async () => [outcome] });
      answers.push(await api.ask("POST /v1/exchanges/x/publish", '{"body":9007199254740993}'));
    }
    expect(answers).toEqual([
      [200, '{"id":"a","routed":2,"duplicate":true}'],
      [200, '{"id":"b","routed":0,"returned":true,"event":{"body":9007199254740993}}'],
      [404, '{"code":404,"message":"no x"}'],
      [500, '{"code":100,"message":"internal server error"}'],
    ]);
  });

  test("a batch is answered in order, and what cannot be read is not published", async () => {
    const api = routesHarness({
      publish: async () => [
        { kind: "confirmed", id: "a", routed: 1, duplicate: false },
        { kind: "returned", id: "b" },
        {
          kind: "failed",
          id: "c",
          error: new SwitchyardError("queueFull", { detail: "queue q is full" }),
        },
      ],
    });
    const text = '{"events":[{"body":0,"priority":10},{"body":1},{"body":2.0},[],{"body":3}]}';
    expect(await api.ask("POST /v1/exchanges/x/publish", text)).toEqual([
      200,
      `{"results":[${[
        '{"error":{"code":107,"message":"priority must be an integer from 0 to 9","field":"priority","index":0}}',
        '{"id":"a","routed":1}',
        '{"id":"b","routed":0,"returned":true,"event":{"body":2.0}}',
        '{"error":{"code":107,"message":"an event must be a JSON object","index":3}}',
        '{"error":{"code":420,"message":"queue q is full","index":4}}',
      ].join(",")}]}`,
    ]);
    expect(api.calls).toMatchObject([
      ["publish", [{ body: "1" }, { body: "2.0" }, { body: "3" }], "key:"],
    ]);
  });

  test("nothing is published of a batch without a readable event", async () => {
    const api = routesHarness();
    const [status, text] = await api.ask("POST /v1/exchanges/x/publish", '{"events":[1]}');
    expect([status, JSON.parse(text)]).toMatchObject([200, { results: [{ error: { index: 0 } }] }]);
    expect(api.calls).toEqual([]);
  });
});

describe("pulling", () => {
  test("defaults, and everything given", async () => {
    const api = routesHarness();
    expect(await api.ask("POST /v1/queues/q/pull")).toEqual([200, '{"deliveries":[]}']);
    await api.ask("POST /v1/queues/q/pull", { max: 1_000, wait_ms: 60_000, lease_ms: 43_200_000 });
    expect(api.calls).toMatchObject([
      ["pull", "q", { max: 1, waitMs: 0, leaseMs: 30_000 }],
      ["pull", "q", { max: 1_000, waitMs: 60_000, leaseMs: 43_200_000 }],
    ]);
  });

  test.each([
    [{ max: 0 }, "max"],
    [{ max: 1_001 }, "max"],
    [{ wait_ms: 60_001 }, "wait_ms"],
    [{ lease_ms: 999 }, "lease_ms"],
    [{ lease_ms: 43_200_001 }, "lease_ms"],
  ])("%p: 400", async (body, field) => {
    const api = routesHarness();
    const [status, text] = await api.ask("POST /v1/queues/q/pull", body);
    expect([status, JSON.parse(text)]).toMatchObject([400, { field }]);
    expect(api.calls).toEqual([]);
  });

  test("headers, bodies and deaths are handed on as they are spelt", async () => {
    const deaths = json('[{"queue":"q","reason":"rejected"}]');
    const bytes = { ...delivery, body: new Uint8Array([0, 255]), contentType: "x/y", deaths };
    const api = routesHarness({ pull: async () => [delivery, bytes] });
    expect(await api.ask("POST /v1/queues/q/pull")).toEqual([
      200,
      `{"deliveries":[${[
        '{"receipt":"r1","queue":"q","id":"i","exchange":"x","key":"k\\"","headers":{"n":1.50},"body":9007199254740993,"content_type":"application/json","priority":3,"published_at":5,"redelivered":false,"attempt":1,"deaths":[]}',
        '{"receipt":"r1","queue":"q","id":"i","exchange":"x","key":"k\\"","headers":{"n":1.50},"b64body":"AP8=","content_type":"x/y","priority":3,"published_at":5,"redelivered":false,"attempt":1,"deaths":[{"queue":"q","reason":"rejected"}]}',
      ].join(",")}]}`,
    ]);
  });

  test("what was taken for a client that has gone goes back at once", async () => {
    const gone = new AbortController();
    const api = routesHarness({
      pull: async (_, { signal }) => {
        expect(signal.aborted).toBe(false);
        gone.abort();
        expect(signal.aborted).toBe(true);
        return [delivery];
      },
    });
    const init = { method: "POST", headers: { "X-API-Key": "k" }, signal: gone.signal };
    await api.app.request("http://localhost/v1/queues/q/pull", init, {});
    expect(api.calls.slice(1)).toEqual([
      ["settleReceipts", "q", ["r1"], { type: "nack", requeue: true, delayMs: undefined }],
    ]);
  });
});

describe("settling", () => {
  const receipts = ["a", "b"];

  test.each([
    ["ack", { receipts }, ["settleReceipts", "q", receipts, { type: "ack" }]],
    ["reject", { receipts }, ["settleReceipts", "q", receipts, { type: "reject" }]],
    [
      "nack",
      { receipts },
      ["settleReceipts", "q", receipts, { type: "nack", requeue: true, delayMs: undefined }],
    ],
    [
      "nack",
      { receipts, requeue: false, delay_ms: 5 },
      ["settleReceipts", "q", receipts, { type: "nack", requeue: false, delayMs: 5 }],
    ],
    ["extend", { receipts }, ["extendReceipts", "q", receipts, 30_000]],
    ["extend", { receipts, lease_ms: 1_000 }, ["extendReceipts", "q", receipts, 1_000]],
  ])("%s %p", async (verb, body, call) => {
    const outcomes = async () => ["settled", "unknown"] as const;
    const api = routesHarness({ settleReceipts: outcomes, extendReceipts: outcomes });
    expect(await api.ask(`POST /v1/queues/q/${verb}`, body)).toEqual([
      200,
      '{"results":["settled","unknown"],"settled":1}',
    ]);
    expect(api.calls as unknown[]).toEqual([call]);
  });

  test.each([[{}], [{ receipts: [1] }], [{ receipts: Array.from({ length: 10_001 }, String) }]])(
    "wrong receipts: 400 (%#)",
    async (body) => {
      const api = routesHarness();
      for (const verb of ["ack", "nack", "reject", "extend"])
        expect((await api.ask(`POST /v1/queues/q/${verb}`, body))[0]).toBe(400);
      expect(api.calls).toEqual([]);
    },
  );
});

describe("browsing and dead letters", () => {
  const message: BrowsedMessage = {
    seq: 17,
    state: "delayed",
    id: "i",
    exchange: "x",
    key: "k",
    headers: json("{}"),
    body: json("1.50"),
    contentType: "application/json",
    priority: 0,
    attempts: 2,
    publishedAt: 5,
    expiresAt: 6,
    deliverAt: 7,
    deaths: [{ queue: "q", reason: "attempts", time: 8, count: 1, exchange: "x", key: "k" }],
  };

  test("pages", async () => {
    const api = routesHarness({
      browse: async (_, { cursor }) => ({
        messages: [message],
        cursor: cursor === undefined ? "next" : undefined,
      }),
    });
    const shown =
      '{"seq":17,"state":"delayed","id":"i","exchange":"x","key":"k","headers":{},"body":1.50,"content_type":"application/json","priority":0,"published_at":5,"attempts":2,"expires_at":6,"deliver_at":7,"deaths":[{"queue":"q","reason":"attempts","time":8,"count":1,"exchange":"x","key":"k"}]}';
    expect(await api.ask("GET /v1/queues/q/messages?limit=1")).toEqual([
      200,
      `{"messages":[${shown}],"cursor":"next"}`,
    ]);
    expect(await api.ask("GET /v1/queues/q/messages?cursor=next")).toEqual([
      200,
      `{"messages":[${shown}]}`,
    ]);
    expect(api.calls).toEqual([
      ["browse", "q", { limit: 1, cursor: undefined }],
      ["browse", "q", { limit: 100, cursor: "next" }],
    ]);
  });

  test("replay and discard", async () => {
    const api = routesHarness({
      replay: async () => ({ replayed: 1, scheduled: 2, kept: 3 }),
      discard: async () => 4,
    });
    expect(await api.ask("POST /v1/queues/dead-letters/replay")).toEqual([
      200,
      '{"replayed":1,"scheduled":2,"kept":3}',
    ]);
    const some = { seqs: [1, 2], limit: 5, rate_per_second: 0.5 };
    expect(await api.ask("POST /v1/queues/dead-letters/discard", some)).toEqual([
      200,
      '{"discarded":4}',
    ]);
    expect(api.calls).toEqual([
      ["replay", "dead-letters", { seqs: undefined, limit: undefined, ratePerSecond: undefined }],
      ["discard", "dead-letters", { seqs: [1, 2], limit: 5, ratePerSecond: 0.5 }],
    ]);
  });
});
