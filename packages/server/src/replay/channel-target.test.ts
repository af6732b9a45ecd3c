import { expect, test } from "bun:test";
import { trustJsonText } from "@switchyard/protocol";
import { FakeClock, turn } from "@switchyard/testkit";
import { BackOff } from "./back-off.ts";
import { createBatchApi } from "./batch-api.ts";
import { ChannelTarget } from "./channel-target.ts";
import { parseChannelTemplate } from "./channel-template.ts";
import type { ReplayLine } from "./replay-target.ts";

type Answer = (body: string) => Response | Promise<Response>;

const published =
  (count: number): Answer =>
  () =>
    Response.json({
      replies: Array.from({ length: count }, () => ({ publish: { offset: 1, epoch: "e" } })),
    });
const replies = (...codes: readonly number[]): Answer => {
  return () =>
    Response.json({
      replies: codes.map((code) =>
        code === 0 ? { publish: {} } : { error: { code, message: `message ${code}` } },
      ),
    });
};
const status =
  (code: number): Answer =>
  () =>
    new Response(null, { status: code });

function lines(...countries: readonly string[]): readonly ReplayLine[] {
  return countries.map((country, index) => ({
    line: index + 1,
    timeMs: 0,
    values: [country],
    data: trustJsonText(`{"price":2.10,"line":${index + 1}}`),
    endByte: 0,
  }));
}

/** A server that gives `answers` one after the other. */
function scripted(answers: readonly Answer[], giveUpAfterMs = 60_000) {
  const bodies: string[] = [];
  const keys: (string | null)[] = [];
  const left = [...answers];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      keys.push(request.headers.get("x-api-key"));
      bodies.push(`${new URL(request.url).pathname} ${await request.text()}`);
      return left.shift()?.("") ?? new Response("no answer is left", { status: 418 });
    },
  });
  const clock = new FakeClock();
  const retries: string[] = [];
  const target = new ChannelTarget({
    channelOf: parseChannelTemplate("inventory:{Country}", ["Country"]),
    api: createBatchApi({
      url: `http://127.0.0.1:${server.port}/`,
      apiKey: "secret",
      apiKeyOrigin: "SWITCHYARD_API_KEY",
      clock,
    }),
    backOff: new BackOff({
      clock,
      giveUpAfterMs,
      onRetry: (reason) => retries.push(`${clock.monotonic()} ${reason}`),
    }),
    runId: "run",
  });
  const stopping = new AbortController();
  /** Sends, and lets each wait between two attempts pass at once. */
  const send = async (batch: readonly ReplayLine[]): Promise<void> => {
    const sending = { ended: false, waits: 0 };
    const sent = target.send(batch, stopping.signal).finally(() => (sending.ended = true));
    sent.catch(() => {}); // looked at below
    while (!sending.ended) {
      await turn();
      // Only then: while a request is under way the clock holds its time limit.
      if (retries.length === sending.waits) continue;
      sending.waits = retries.length;
      await clock.advance(5_000);
    }
    await sent;
  };
  return {
    target,
    send,
    bodies,
    keys,
    retries,
    clock,
    stopping,
    [Symbol.dispose]: () => server.stop(true),
  };
}

const publishOf = (channel: string, line: number): string =>
  `{"publish":{"channel":"inventory:${channel}","data":{"price":2.10,"line":${line}},"idempotency_key":"run-${line}"}}`;

test("publishes a batch in order, with one key a line and the digits of the data", async () => {
  using server = scripted([published(2)]);
  await server.send(lines("United Kingdom", "EIRE"));
  expect(server.bodies).toEqual([
    `/api/batch {"commands":[${publishOf("United%20Kingdom", 1)},${publishOf("EIRE", 2)}]}`,
  ]);
  expect(server.keys).toEqual(["secret"]);
  expect(server.target.describe()).toBe("2 channels");
  expect(server.clock.pending).toBe(0);
});

test("sends a batch again whole, under the same keys, when its outcome is unknown", async () => {
  using server = scripted([status(502), status(503), published(2)]);
  await server.send(lines("A", "B"));
  expect(new Set(server.bodies).size).toBe(1);
  expect(server.bodies).toHaveLength(3);
  expect(server.retries.map((retry) => retry.replace(/^\d+ /, ""))).toEqual([
    "HTTP 502",
    "HTTP 503",
  ]);
});

test("sends again only the lines that failed for the moment", async () => {
  using server = scripted([replies(0, 100, 0, 100), replies(0, 0)]);
  await server.send(lines("A", "B", "C", "B"));
  expect(server.bodies[1]).toBe(
    `/api/batch {"commands":[${publishOf("B", 2)},${publishOf("B", 4)}]}`,
  );
});

test("ends when a later line of the same channel came through before one that failed", async () => {
  using server = scripted([replies(100, 0, 0)]);
  await expect(server.send(lines("A", "B", "A"))).rejects.toThrow(
    "The server failed at line 1 and took line 3 of the same channel (inventory:A): the order is lost. With --batch 1 a failure cannot do that.",
  );
});

test.each([
  [
    "a wrong key",
    status(401),
    "refuses the API key (401). It came from SWITCHYARD_API_KEY. Give the server's key in SWITCHYARD_API_KEY, or its data directory with --data-dir.",
  ],
  [
    "an unknown namespace",
    replies(102),
    "Line 1: the namespace inventory of the channel inventory:A is not configured (error 102). Add it to channel.namespaces of the server.",
  ],
  [
    "another error",
    replies(107),
    "Line 1: the server refuses the publication to inventory:A: error 107, message 107",
  ],
  [
    "another service",
    () => new Response("<h1>Hello</h1>"),
    "does not answer like a Switchyard server: HTTP 200 <h1>Hello</h1>",
  ],
  [
    "a redirect",
    () => Response.redirect("http://127.0.0.1:1/elsewhere"),
    "does not answer like a Switchyard server: HTTP 302",
  ],
  ["too few replies", replies(), "does not answer like a Switchyard server: HTTP 200"],
])("does not try again after %s", async (_, answer, message) => {
  using server = scripted([answer]);
  await expect(server.send(lines("A"))).rejects.toThrow(message);
  expect(server.bodies).toHaveLength(1);
});

test("gives up when nothing has succeeded for too long", async () => {
  using server = scripted(
    Array.from({ length: 9 }, () => status(500)),
    12_000,
  );
  await expect(server.send(lines("A"))).rejects.toThrow(
    "The server could not be reached for 12 s (HTTP 500)",
  );
  expect(server.bodies.length).toBeGreaterThan(2);
});

test("an abort ends a request that is not answered", async () => {
  const asked = Promise.withResolvers<void>();
  using server = scripted([
    () => {
      asked.resolve();
      return new Promise(() => {});
    },
  ]);
  const sent = server.target.send(lines("A"), server.stopping.signal);
  await asked.promise;
  server.stopping.abort(new Error("enough"));
  await expect(sent).rejects.toThrow("enough");
});

test("a request without an answer is sent again after 10 s", async () => {
  const asked = Promise.withResolvers<void>();
  using server = scripted([
    () => {
      asked.resolve();
      return new Promise(() => {});
    },
    published(1),
  ]);
  const sent = server.target.send(lines("A"), server.stopping.signal);
  await asked.promise;
  await server.clock.advance(9_999);
  expect(server.retries).toEqual([]);
  await server.clock.advance(1);
  while (server.retries.length === 0) await turn();
  expect(server.retries).toEqual(["10000 no answer within 10 s"]);
  await server.clock.advance(100);
  await sent;
  expect(server.bodies).toHaveLength(2);
});
