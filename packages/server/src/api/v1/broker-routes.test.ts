import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { apiRoutes } from "./route-table.ts";
import { plainQueue } from "./harness/scripted-broker.ts";
import { routesHarness } from "./harness/routes-harness.ts";

const pathOf = (path: string): string => path.replace("{name}", "some");

describe("paths and verbs", () => {
  test("of another verb 405, of an unknown path 404, both before the key is looked at", async () => {
    const api = routesHarness();
    const head = async (request: string): Promise<unknown> => {
      const [method = "", path = ""] = request.split(" ");
      const response = await api.app.request(`http://localhost${path}`, { method }, {});
      return [response.status, response.headers.get("allow"), await response.json()];
    };
    expect(await head("PATCH /v1/queues/a")).toEqual([
      405,
      "GET, PUT, DELETE",
      { code: 104, message: "use GET, PUT, DELETE here" },
    ]);
    expect(await head("GET /v1/queues/a/pull")).toMatchObject([405, "POST", {}]);
    expect(await head("POST /v1/openapi.json")).toMatchObject([405, "GET", {}]);
    const missing = [404, null, { code: 104, message: "no such path" }];
    for (const path of ["/v1", "/v1/", "/v1/queue", "/v1/queues/", "/v1/queues/a/pull/b", "/v2"])
      expect([path, ...((await head(`POST ${path}`)) as unknown[])]).toEqual([path, ...missing]);
    expect(api.calls).toEqual([]);
  });

  test("slashes are collapsed", async () => {
    const api = routesHarness();
    expect(await api.ask("GET //v1//queues")).toEqual([200, '{"queues":[]}']);
  });

  test("names are percent-decoded once", async () => {
    const api = routesHarness({ queue: (name) => plainQueue(name) });
    for (const [given, name] of [
      ["a%2Fb", "a/b"],
      ["a%252Fb", "a%2Fb"],
      ["caf%C3%A9", "café"],
      ["a+b%20c", "a+b c"],
      ["%3Fx", "?x"],
    ]) {
      const [status, text] = await api.ask(`GET /v1/queues/${given}`);
      expect([given, status, JSON.parse(text)]).toMatchObject([given, 200, { name }]);
    }
  });

  test.each(["%zz", "%ff", "%00", "%0A", "x".repeat(256)])("the name %p: 400", async (given) => {
    const api = routesHarness();
    const [status, text] = await api.ask(`GET /v1/queues/${given}`);
    expect([status, JSON.parse(text)]).toMatchObject([400, { code: 107, field: "name" }]);
    expect(api.calls).toEqual([]);
  });

  test("HEAD is GET without a body", async () => {
    const api = routesHarness();
    expect(await api.ask("HEAD /v1/queues")).toEqual([200, ""]);
  });
});

describe("keys", () => {
  test.each(apiRoutes.map((route) => [`${route.verb} ${route.path}`, route] as const))(
    "%s: 401 without a key, 403 without its scope, before the body is read",
    async (_, { verb, path, scope }) => {
      if (scope === undefined) throw new Error("has no scope");
      const others = ["api", "publish", "consume", "topology", "read", "dead-letters", "operator"];
      const api = routesHarness({}, { scopes: others.filter((other) => other !== scope) });
      const request = `${verb} ${pathOf(path)}`;
      const body = verb === "GET" ? undefined : "{broken";
      const [unknown, unknownText] = await api.ask(request, body, { "X-API-Key": "wrong" });
      expect([unknown, JSON.parse(unknownText)]).toMatchObject([401, { code: 101 }]);
      expect(await api.ask(request, body)).toEqual([
        403,
        `{"code":103,"message":"permission denied: the API key \\"shop\\" lacks the scope ${scope}"}`,
      ]);
      expect(api.calls).toEqual([]);
      // The control: with its scope alone it gets further.
      const right = routesHarness({}, { scopes: [scope] });
      expect((await right.ask(request, body))[0]).not.toBe(403);
    },
  );

  test("names of the path", async () => {
    const scopes = ["publish:orders.*", "consume:packing", "topology:eu.*", "dead-letters:*.dead"];
    const api = routesHarness({}, { scopes });
    const statuses: unknown[] = [];
    for (const request of [
      "POST /v1/exchanges/orders.new/publish",
      "POST /v1/exchanges/other/publish",
      "POST /v1/exchanges/amq.default/publish",
      "POST /v1/queues/packing/pull",
      "POST /v1/queues/packing2/ack",
      "PUT /v1/queues/eu.a",
      "PUT /v1/queues/us.a",
      "POST /v1/queues/eu.a/purge",
      "POST /v1/queues/a.dead/replay",
      "POST /v1/queues/a.alive/replay",
    ])
      statuses.push([request, (await api.ask(request, { ...bodies[request] }))[0]]);
    expect(statuses).toEqual([
      ["POST /v1/exchanges/orders.new/publish", 200],
      ["POST /v1/exchanges/other/publish", 403],
      ["POST /v1/exchanges/amq.default/publish", 403],
      ["POST /v1/queues/packing/pull", 200],
      ["POST /v1/queues/packing2/ack", 403],
      ["PUT /v1/queues/eu.a", 201],
      ["PUT /v1/queues/us.a", 403],
      ["POST /v1/queues/eu.a/purge", 200],
      ["POST /v1/queues/a.dead/replay", 200],
      ["POST /v1/queues/a.alive/replay", 403],
    ]);
  });
  const bodies: Readonly<Record<string, object>> = {
    "POST /v1/exchanges/orders.new/publish": { body: 1 },
  };

  test("names that a declaration leads to", async () => {
    const api = routesHarness({}, { scopes: ["topology:eu.*"] });
    const status = async (request: string, body: unknown): Promise<number> =>
      (await api.ask(request, body))[0];
    const to = (type: string, name: string): unknown => ({
      exchange: "eu.x",
      destination: { type, name },
    });
    expect(await status("PUT /v1/queues/eu.q", { dead_letter_exchange: "us.x" })).toBe(403);
    expect(await status("PUT /v1/queues/eu.q", { dead_letter_exchange: "amq.default" })).toBe(403);
    expect(await status("PUT /v1/queues/eu.q", { dead_letter_exchange: "eu.x" })).toBe(201);
    const alternate = { type: "topic", alternate_exchange: "us.x" };
    expect(await status("PUT /v1/exchanges/eu.x", alternate)).toBe(403);
    for (const type of ["queue", "channel", "exchange"]) {
      expect(await status("POST /v1/bindings", to(type, "us.y"))).toBe(403);
      expect(await status("DELETE /v1/bindings", to(type, "us.y"))).toBe(403);
      expect(await status("POST /v1/bindings", to(type, "eu.y"))).toBe(201);
    }
    expect(await status("POST /v1/topology", { queues: [{ name: "us.q" }] })).toBe(403);
    const bound = { bindings: [to("channel", "us.c")] };
    expect(await status("POST /v1/topology", bound)).toBe(403);
    expect(await status("POST /v1/topology", { queues: [{ name: "eu.q" }] })).toBe(200);
  });

  test("lists show what the key may read", async () => {
    const exchange = { type: "topic", alternateExchange: undefined } as const;
    const counts = { builtIn: false, published: 0, unroutable: 0 };
    const leading = (source: string, name: string) =>
      ({
        exchange: source,
        key: "",
        match: undefined,
        destination: { type: "queue", name },
        durable: true,
      }) as const;
    const bindings = [leading("eu.x", "eu.q"), leading("eu.x", "us.q"), leading("", "eu.q")];
    const api = routesHarness(
      {
        exchanges: () => ["", "eu.x", "us.x"].map((name) => ({ name, ...exchange, ...counts })),
        queues: () => [plainQueue("eu.q"), plainQueue("us.q")],
        bindings: () => bindings,
        exportTopology: () => ({
          exchanges: [
            { name: "eu.x", ...exchange },
            { name: "us.x", ...exchange },
          ],
          queues: [plainQueue("eu.q"), plainQueue("us.q")],
          bindings,
        }),
      },
      { scopes: ["read:eu.*"] },
    );
    const names = async (path: string): Promise<unknown> => (await api.ask(`GET ${path}`))[1];
    for (const path of ["/v1/exchanges", "/v1/queues", "/v1/bindings", "/v1/topology"]) {
      expect(await names(path)).toContain("eu.");
      expect(await names(path)).not.toContain("us.");
      expect(await names(path)).not.toContain("amq.default");
    }
    expect((await api.ask("GET /v1/queues/us.q"))[0]).toBe(403);
  });

  test("the document needs any key, or none when it is open", async () => {
    const closed = routesHarness({}, { scopes: ["operator"] });
    const path = "GET /v1/openapi.json";
    expect((await closed.ask(path, undefined, { "X-API-Key": "" }))[0]).toBe(401);
    expect((await closed.ask(path))[0]).toBe(200);
    const open = routesHarness({}, { openDocument: true });
    expect((await open.ask(path, undefined, { "X-API-Key": "" }))[0]).toBe(200);
  });
});

describe("bodies", () => {
  test.each([
    ["{", undefined, "the body must be one JSON object"],
    ["[]", undefined, "the body must be one JSON object"],
    ['{"ttl_ms":-1}', "ttl_ms", "ttl_ms: too small: expected number to be >=0"],
    ['{"tll_ms":1}', "tll_ms", "tll_ms is unknown; did you mean ttl_ms?"],
    ['{"ttl_ms":null}', "ttl_ms", "ttl_ms: invalid input: expected number, received null"],
    ['{"max_length":9007199254740993}', "max_length", /^max_length: /],
    ['{"retry":{"initial_ms":1}}', "retry.maximum_ms", "retry.maximum_ms is missing"],
    [
      '{"retry":{"inital_ms":1,"initial_ms":1,"maximum_ms":1}}',
      "retry.inital_ms",
      "retry.inital_ms is unknown; did you mean initial_ms?",
    ],
    [
      '{"retry":{"initial_ms":2,"maximum_ms":1}}',
      "retry.maximum_ms",
      "retry.maximum_ms: must be at least initial_ms",
    ],
    ['{"overflow":"drop"}', "overflow", /^overflow: .*"reject-publish"/],
    ['{"zzzzzzzzz":1}', "zzzzzzzzz", "zzzzzzzzz is unknown"],
  ])("%s: 400", async (body, field, message) => {
    const api = routesHarness();
    const [status, text] = await api.ask("PUT /v1/queues/a", body);
    const error: unknown = JSON.parse(text);
    const expected = typeof message === "string" ? message : expect.stringMatching(message);
    expect([status, error]).toEqual([
      400,
      { code: 107, message: expected, ...(field !== undefined && { field }) },
    ]);
    expect(api.calls).toEqual([]);
  });

  test("in lists the place is told", async () => {
    const api = routesHarness();
    const [, text] = await api.ask("POST /v1/topology", { queues: [{ name: "a" }, { nam: "b" }] });
    expect(JSON.parse(text)).toEqual({
      code: 107,
      message: "queues[1].name is missing",
      field: "queues[1].name",
    });
  });

  test("queries are as strict", async () => {
    const api = routesHarness();
    const error = async (request: string): Promise<unknown> =>
      JSON.parse((await api.ask(request))[1]);
    expect(await error("DELETE /v1/queues/a?if_emty=true")).toEqual({
      code: 107,
      message: "if_emty is unknown; did you mean if_empty?",
      field: "if_emty",
    });
    expect(await error("DELETE /v1/queues/a?if_empty=1")).toMatchObject({ field: "if_empty" });
    expect(await error("DELETE /v1/queues/a?if_empty=true&if_empty=false")).toEqual({
      code: 107,
      message: "if_empty is there twice",
      field: "if_empty",
    });
    expect(await error("GET /v1/queues/a/messages?limit=0")).toMatchObject({ field: "limit" });
    expect(await error("GET /v1/queues/a/messages?limit=1e2")).toMatchObject({ field: "limit" });
    expect(api.calls).toEqual([]);
    expect((await api.ask("DELETE /v1/queues/a?api_key=x&if_empty=true"))[0]).toBe(200);
    expect(api.calls).toEqual([["deleteQueue", "a", { ifEmpty: true, ifUnused: false }]]);
  });

  test("the limit is a byte count, and inclusive", async () => {
    const api = routesHarness({}, { maxBodyBytes: 12 });
    expect((await api.ask("POST /v1/exchanges/a/publish", '{"body":"x"}'))[0]).toBe(200);
    expect(await api.ask("POST /v1/exchanges/a/publish", '{"body":"é"}')).toEqual([
      413,
      '{"code":107,"message":"the body is above 12 bytes (api.body_bytes)"}',
    ]);
  });
});

test("the listener is told to wait for longer than the longest pull", async () => {
  const api = routesHarness();
  const given: number[] = [];
  const server = {
    timeout: (_: Request, seconds: number) => {
      given.push(seconds);
    },
  };
  const ask = async (method: string, path: string): Promise<number> => {
    const init = { method, headers: { "X-API-Key": "k" } };
    return (await api.app.request(`http://localhost${path}`, init, { server })).status;
  };
  expect(await ask("POST", "/v1/queues/q/pull")).toBe(200);
  expect(await ask("GET", "/v1/queues")).toBe(200);
  expect(given).toEqual([120, 120]);
  // Those that are not let in have no such patience.
  expect(await ask("POST", "/v1/queues/%ff/pull")).toBe(400);
  expect(given).toHaveLength(2);
});

describe("errors", () => {
  test.each([
    ["notFound", 404, 404],
    ["preconditionFailed", 409, 406],
    ["resourceLocked", 409, 405],
    ["badRequest", 400, 107],
    ["tooManyRequests", 429, 111],
    ["queueFull", 429, 420],
    ["storeUnavailable", 503, 421],
    ["internal", 500, 100],
  ] as const)("%s: %p with code %p", async (kind, status, code) => {
    const error = new SwitchyardError(kind, { detail: "what is wrong", field: "name" });
    const api = routesHarness({ declareQueue: () => Promise.reject(error) });
    expect(await api.ask("PUT /v1/queues/a")).toEqual([
      status,
      `{"code":${code},"message":"what is wrong","field":"name"}`,
    ]);
  });

  test("whatever is thrown becomes 100, goes to the log with the request's id, and does not leave the process", async () => {
    const secret = new Error("password=hunter2");
    const api = routesHarness({
      queues: () => {
        throw secret;
      },
    });
    expect(await api.ask("GET /v1/queues", undefined, { "X-Request-ID": "r1" })).toEqual([
      500,
      '{"code":100,"message":"internal server error"}',
    ]);
    expect(api.logged).toMatchObject([
      { level: "error", fields: { requestId: "r1", path: "/v1/queues", cause: secret } },
    ]);
  });

  test("while the server shuts down nothing runs", async () => {
    const api = routesHarness({}, { draining: () => true });
    expect(await api.ask("PUT /v1/queues/a")).toEqual([
      503,
      '{"code":100,"message":"the server is shutting down"}',
    ]);
    expect(api.calls).toEqual([]);
  });

  test("headers of every answer", async () => {
    const api = routesHarness();
    for (const [path, status] of [
      ["/v1/queues", 200],
      ["/v1/queues/a", 404],
    ]) {
      const init = { headers: { "X-API-Key": "k", "X-Request-ID": "r1" } };
      const response = await api.app.request(`http://localhost${path}`, init, {});
      expect(response.headers.toJSON()).toMatchObject({
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": "r1",
      });
      expect(response.status).toBe(Number(status));
    }
  });
});
