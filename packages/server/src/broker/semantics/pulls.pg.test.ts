import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import type { HttpWay } from "./harness/http-way.ts";
import { SemanticsWorld } from "./harness/semantics-world.ts";
import { bodies, fresh, refusal } from "./harness/way.ts";

setDefaultTimeout(20_000);

let world: SemanticsWorld;
let http: HttpWay;
beforeAll(async () => {
  world = await SemanticsWorld.start();
  ({ http } = world);
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** A queue with bodies from 1 to `count`. */
async function filled(count: number, members: object = {}): Promise<string> {
  const queue = await http.declareQueue(fresh("q"), members);
  const events = Array.from({ length: count }, (_, n) => ({ key: queue, body: n + 1 }));
  if (count > 0) await http.call("POST /v1/exchanges/amq.default/publish", { events });
  return queue;
}

test("a lease that runs out gives back, in the old place, as another attempt; its receipt is over", async () => {
  const queue = await filled(3);
  const [first] = await http.pull(queue, { lease_ms: 1_000 });
  const [second] = await http.pull(queue, { lease_ms: 1_000 });
  const receipts = [first?.receipt ?? "", second?.receipt ?? ""];
  expect(await http.receipts(queue, "extend", receipts.slice(1), { lease_ms: 60_000 })).toEqual([
    "settled",
  ]);
  const asked = performance.now();
  await until(async () => (await http.figures(queue)).unsettled === 1);
  expect(performance.now() - asked).toBeLessThan(5_000);
  const rest = await http.take(queue, 2);
  expect(rest.map(({ body, redelivered, attempt }) => [body, redelivered, attempt])).toEqual([
    [1, true, 2],
    [3, false, 1],
  ]);
  expect(await http.receipts(queue, "extend", receipts)).toEqual(["unknown", "settled"]);
  expect(await http.receipts(queue, "ack", [...receipts, ...receipts])).toEqual([
    "unknown",
    "settled",
    "unknown",
    "unknown",
  ]);
  expect(await http.figures(queue)).toMatchObject({ unsettled: 2, counts: { acknowledged: 1 } });
});

test("leases that run out use up attempts", async () => {
  const dead = await http.declareQueue(fresh("dead"));
  const queue = await filled(1, {
    max_attempts: 1,
    dead_letter_exchange: "amq.default",
    dead_letter_key: dead,
  });
  await http.pull(queue, { lease_ms: 1_000 });
  expect(await http.take(dead, 1)).toMatchObject([{ deaths: [{ queue, reason: "attempts" }] }]);
});

test("what is no receipt is unknown, and settles nothing else", async () => {
  const queue = await filled(2);
  const [first, second] = await http.pull(queue, { max: 2 });
  const [real = "", other = ""] = [first?.receipt, second?.receipt];
  const forged = `${real.slice(0, -1)}${real.endsWith("0") ? "1" : "0"}`;
  const outcomes = await http.receipts(queue, "ack", ["", "x", forged, real, "1-1-1"]);
  expect(outcomes).toEqual(["unknown", "unknown", "unknown", "settled", "unknown"]);
  expect(await http.receipts(queue, "reject", [other])).toEqual(["settled"]);
});

test("max and wait_ms: what there is, at most so many, or nothing", async () => {
  const queue = await filled(5);
  expect(bodies(await http.pull(queue))).toEqual([1]);
  expect(bodies(await http.pull(queue, { max: 3, wait_ms: 60_000 }))).toEqual([2, 3, 4]);
  expect(bodies(await http.pull(queue, { max: 1_000, wait_ms: 60_000 }))).toEqual([5]);
  const asked = performance.now();
  expect(await http.pull(queue, { wait_ms: 150 })).toEqual([]);
  expect(performance.now() - asked).toBeGreaterThan(140);
  for (const members of [{ max: 1_001 }, { max: 0 }, { wait_ms: 60_001 }, { lease_ms: 999 }])
    expect(await refusal(http.pull(queue, members))).toMatchObject({ code: 107 });
});

test("polls that wait are served in turn, one message each", async () => {
  const queue = await filled(0);
  const polls: Promise<readonly unknown[]>[] = [];
  for (let n = 0; n < 3; n += 1) polls.push(http.pull(queue, { wait_ms: 60_000 }));
  const client = await world.client();
  for (const body of [1, 2, 3]) await client.publish({ exchange: "amq.default", key: queue, body });
  const pulled = await Promise.all(polls);
  expect(pulled.map(({ length }) => length)).toEqual([1, 1, 1]);
  expect((await http.figures(queue)).unsettled).toBe(3);
});

test("a poll ends with its queue", async () => {
  const queue = await filled(0);
  const poll = http.pull(queue, { wait_ms: 60_000 });
  await http.figures(queue);
  await http.call(`DELETE /v1/queues/${queue}`);
  const refused = await refusal(poll);
  // 404 when the deletion was faster.
  if (refused) expect(refused.code).toBe(404);
  else expect(await poll).toEqual([]);
});

test("nack puts back, or away with requeue false", async () => {
  const queue = await filled(2);
  const [first, second] = await http.pull(queue, { max: 2 });
  await http.receipts(queue, "nack", [first?.receipt ?? ""]);
  await http.receipts(queue, "nack", [second?.receipt ?? ""], { requeue: false });
  expect(await http.figures(queue)).toMatchObject({ ready: 1, unsettled: 0, counts: { dead: 1 } });
  expect(await http.pull(queue, { max: 2 })).toMatchObject([{ body: 1, attempt: 2 }]);
});

test("browsing shows every state and takes nothing", async () => {
  const queue = await filled(3);
  await http.pull(queue);
  await http.publish({
    exchange: "amq.default",
    key: queue,
    body: "later",
    delay_ms: 600_000,
    priority: 9,
  });
  await http.publish({ exchange: "amq.default", key: queue, body: "urgent", priority: 9 });
  for (const _ of [1, 2])
    expect(await http.browse(queue)).toMatchObject([
      { body: "urgent", state: "ready", priority: 9 },
      { body: 1, state: "unsettled" },
      { body: 2, state: "ready", attempts: 0 },
      { body: 3, state: "ready" },
      { body: "later", state: "delayed", priority: 9 },
    ]);
  expect(await http.figures(queue)).toMatchObject({ ready: 3, unsettled: 1, delayed: 1 });
});

test("browsing page by page, to the end", async () => {
  const queue = await filled(7);
  const seen: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await http.call<{
      readonly messages: readonly { readonly body: number }[];
      readonly cursor?: string;
    }>(
      `GET /v1/queues/${queue}/messages?limit=3${cursor === undefined ? "" : `&cursor=${cursor}`}`,
    );
    seen.push(...page.messages.map(({ body }) => body));
    ({ cursor } = page);
  } while (cursor !== undefined);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("if_empty counts what is leased, if_unused counts consumers", async () => {
  const queue = await filled(1);
  const [held] = await http.take(queue, 1);
  const remove = (condition: string): Promise<object> =>
    http.call(`DELETE /v1/queues/${queue}?${condition}=true`);
  expect(await refusal(remove("if_empty"))).toMatchObject({ code: 406 });
  await held?.settle("ack");
  const client = await world.client();
  await client.consume(queue);
  expect(await refusal(remove("if_unused"))).toMatchObject({ code: 406 });
  expect(await remove("if_empty")).toEqual({ messages: 0 });
  await until(() => client.told.some(({ type }) => type === "cancelled"));
});
