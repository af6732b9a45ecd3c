import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { turn } from "@switchyard/testkit";
import { allow, BrokerWorld } from "./harness/broker-world.ts";

const method = "exchange.publish";

describe("publish", () => {
  test("hands on every member; headers and body as they were spelt; answers what became of it", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    const frame = await client.callRaw(
      method,
      '{"exchange":"or\\u0064ers", "key" : "a.b","headers":{"n":1.5,"s":"x","b":true},' +
        '"body": {"n": 9007199254740993, "e":"\\u00e9"} ,"id":"i-1","mandatory":true,"delay_ms":5,"priority":3,"ttl_ms":9}',
    );
    expect(frame).toEndWith('"rpc":{"data":{"id":"i-1","routed":1}}}');
    const [{ event, publisher } = { event: undefined, publisher: "" }] = world.broker.published;
    expect(publisher).toBe('user:"ann"');
    expect(event).toEqual({
      exchange: "orders",
      key: "a.b",
      headers: { n: 1.5, s: "x", b: true },
      body: '{"n": 9007199254740993, "e":"\\u00e9"}' as never, // JSON, as sent
      contentType: undefined,
      id: "i-1",
      mandatory: true,
      delayMs: 5,
      deliverAt: undefined,
      priority: 3,
      ttlMs: 9,
    });
  });

  test("needs little: an exchange and a body, which may be null; null members are missing ones", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    const answers = [
      await client.call(method, { exchange: "amq.default", body: null, key: null, id: null }),
      await client.call(method, { exchange: "", b64body: "AP8=", content_type: "image/png" }),
      await client.call(method, {
        exchange: "",
        b64body: "WzFd",
        content_type: "application/json",
      }),
    ];
    expect(answers).toEqual([1, 2, 3].map((n) => ({ id: `id-${n}`, routed: 1 })));
    expect(
      world.broker.published.map(({ event: { exchange, body, contentType } }) => [
        exchange,
        typeof body === "string" ? String(body) : [...body],
        contentType,
      ]),
    ).toEqual([
      ["", "null", undefined],
      ["", [0, 255], "image/png"],
      ["", "[1]", undefined],
    ]);
  });

  test("an id that is known", async () => {
    await using world = await BrokerWorld.start();
    world.broker.outcome = ({ id = "" }) => ({ kind: "confirmed", id, routed: 2, duplicate: true });
    const client = await world.connect();
    expect(await client.call(method, { exchange: "e", body: 1, id: "i" })).toEqual({
      id: "i",
      routed: 2,
      duplicate: true,
    });
  });

  test("anonymous publishers do not share ids", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect([allow("exchanges", ["e"], "publish")], "");
    await client.call(method, { exchange: "e", body: 1, id: "i" });
    expect(world.broker.published[0]?.publisher).toBe(`connection:${client.raw.connection.id}`);
  });

  test("a user's id that the store cannot hold is still a publisher of its own", async () => {
    await using world = await BrokerWorld.start();
    for (const user of ["a\u001fb", "a\0b"]) {
      const client = await world.connect([allow("exchanges", ["e"], "publish")], user);
      await client.call(method, { exchange: "e", body: 1, id: "i" });
    }
    const publishers = world.broker.published.map(({ publisher }) => publisher);
    expect(publishers).toEqual(['user:"a\\u001fb"', 'user:"a\\u0000b"']);
  });

  test("mandatory and unroutable: it comes back before the answer", async () => {
    await using world = await BrokerWorld.start();
    world.broker.outcome = () => ({ kind: "returned", id: "g-1" });
    const client = await world.connect();
    const event = { exchange: "e", key: "k", headers: { h: 1 }, body: [1], mandatory: true };
    expect(await client.call(method, event)).toEqual({ id: "g-1", routed: 0, returned: true });
    const { mandatory, ...returned } = { ...event, id: "g-1", code: 312, message: "NO_ROUTE" };
    expect(mandatory).toBe(true);
    expect(client.told).toEqual([{ type: "return", ...returned }]);
    const order = client.raw.messages.slice(1).map(({ push }) => (push ? "return" : "answer"));
    expect(order).toEqual(["return", "answer"]);
    await client.call(method, { exchange: "e", b64body: "AP8=", mandatory: true });
    expect(client.told[1]).toMatchObject({
      b64body: "AP8=",
      content_type: "application/octet-stream",
    });
  });

  test("a failure has its own code and says what is wrong; the log is not filled with them", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    for (const [error, answer] of [
      [new SwitchyardError("queueFull", { detail: "queue full: a" }), "420 queue full: a"],
      [new SwitchyardError("storeUnavailable"), "421 store unavailable"],
      [new Error("with a secret"), "100 internal server error"],
    ] as const) {
      world.broker.outcome = () => ({ kind: "failed", id: undefined, error });
      expect(await client.call(method, { exchange: "e", body: 1 })).toBe(answer);
    }
    expect(world.hub.log.lines.map(({ level }) => level)).toEqual(["debug", "error"]);
  });

  test.each([
    ["[]", /data/],
    ["7", /data/],
    ["{}", /exchange/],
    ['{"exchange":7,"body":1}', /exchange/],
    ['{"exchange":"e"}', /body/],
    ['{"exchange":"e","body":1,"b64body":"AA=="}', /b64body/],
    ['{"exchange":"e","b64body":"A"}', /b64body/],
    ['{"exchange":"e","b64body":7}', /b64body/],
    [
      '{"exchange":"e","b64body":"AP8=","content_type":"application/json; charset=utf-8"}',
      /b64body/,
    ],
    ['{"exchange":"e","body":1,"content_type":"image/png"}', /content_type/],
    ['{"exchange":"e","body":1,"key":{}}', /key/],
    ['{"exchange":"e","body":1,"key":"\\u0000"}', /key/],
    ['{"exchange":"e","body":1,"key":"\\u001f"}', /key.*U\+001F/],
    ['{"exchange":"e","body":1,"id":"\\u001f"}', /id.*U\+001F/],
    [`{"exchange":"e","body":1,"key":"${"k".repeat(256)}"}`, /key/],
    ['{"exchange":"e","body":1,"headers":[]}', /headers/],
    ['{"exchange":"e","body":1,"headers":{"a":{}}}', /headers/],
    ['{"exchange":"e","body":1,"headers":{"a":9007199254740993}}', /headers/],
    ['{"exchange":"e","body":1,"headers":{"a":1e999}}', /headers/],
    ['{"exchange":"e","body":1,"id":""}', /id/],
    ['{"exchange":"e","body":1,"mandatory":1}', /mandatory/],
    ['{"exchange":"e","body":1,"priority":10}', /priority/],
    ['{"exchange":"e","body":1,"priority":"1"}', /priority/],
    ['{"exchange":"e","body":1,"delay_ms":-1}', /delay_ms/],
    ['{"exchange":"e","body":1,"ttl_ms":1.5}', /ttl_ms/],
    ['{"exchange":"e","body":1,"delay_ms":1,"deliver_at":1}', /deliver_at/],
    ['{"exchange":"e","body":1,"dealy_ms":1}', /dealy_ms/],
  ])("%s is refused, and says why", async (data, why) => {
    await using world = await BrokerWorld.start();
    const client = await world.connect();
    // The frame is the hub's own JSON.
    const { error } = JSON.parse(await client.callRaw(method, data)) as {
      readonly error: { readonly code: number; readonly message: string };
    };
    expect(error.code).toBe(107);
    expect(error.message).toMatch(why);
    expect(world.broker.published).toEqual([]);
  });

  test("16 MiB that are unconfirmed are enough: then 111, temporary, until some are", async () => {
    await using world = await BrokerWorld.start();
    const confirmed = Promise.withResolvers<void>();
    world.broker.outcome = async () => {
      await confirmed.promise;
      return { kind: "confirmed", id: "i", routed: 0, duplicate: false };
    };
    const client = await world.connect();
    const body = "x".repeat(500_000);
    for (let count = 0; count < 40; count += 1)
      client.raw.send({ rpc: { method, data: { exchange: "e", body } } });
    await turn();
    expect(world.broker.published).toHaveLength(33);
    const refused = client.raw.messages.flatMap(({ error }) => (error ? [error] : []));
    expect(refused).toHaveLength(7);
    expect(refused[0]).toMatchObject({ code: 111, temporary: true });
    confirmed.resolve();
    await turn();
    expect(await client.call(method, { exchange: "e", body })).toEqual({ id: "i", routed: 0 });
  });
});

describe("permission to publish", () => {
  test("nothing without caps; by exchange; by queue for the default exchange", async () => {
    await using world = await BrokerWorld.start();
    const publish = async (
      capabilities: Parameters<BrokerWorld["connect"]>[0],
      exchange: string,
    ): Promise<unknown> => {
      const client = await world.connect(capabilities);
      return client.call(method, { exchange, key: "tasks", body: 1 });
    };
    const denied = (exchange: string) =>
      `103 permission denied: this needs publish on exchange "${exchange}"`;
    const ok = { id: expect.any(String), routed: 1 };
    expect(await publish([], "orders")).toBe(denied("orders"));
    expect(await publish([allow("exchanges", ["ord*s"], "publish")], "orders")).toEqual(ok);
    expect(await publish([allow("exchanges", ["ord*s"], "publish")], "order")).toBe(
      denied("order"),
    );
    expect(await publish([allow("exchanges", ["orders"], "declare bind")], "orders")).toBe(
      denied("orders"),
    );
    expect(await publish([allow("queues", ["tasks"], "publish")], "")).toEqual(ok);
    expect(await publish([allow("queues", ["tasks"], "publish")], "tasks")).toBe(denied("tasks"));
    expect(await publish([allow("exchanges", ["amq.default"], "publish")], "")).toEqual(ok);
    expect(await publish([allow("queues", ["task"], "publish")], "")).toBe(denied("amq.default"));
  });

  test("a refresh replaces what is allowed", async () => {
    await using world = await BrokerWorld.start();
    const client = await world.connect([allow("exchanges", ["a"], "publish")]);
    const publish = (exchange: string) => client.call(method, { exchange, body: 1 });
    expect(await publish("a")).toEqual({ id: "id-1", routed: 1 });
    const token = world.token("ann", [allow("exchanges", ["b"], "publish")]);
    await client.raw.ask({ refresh: { token } });
    expect(await publish("b")).toEqual({ id: "id-2", routed: 1 });
    expect(await publish("a")).toMatch(/^103 /);
  });
});
