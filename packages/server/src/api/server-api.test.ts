import { describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { createApiKeyCheck } from "../auth/api-key-check.ts";
import { apiHarness } from "./harness/api-harness.ts";
import { apiMethods, unavailableMethods } from "./method-table.ts";

const unknownChannel = '{"error":{"code":102,"message":"unknown channel"}}';

async function fetchHead(
  api: ReturnType<typeof apiHarness>,
  path: string,
  init: RequestInit,
): Promise<unknown> {
  const response = await api.app.request(`http://localhost${path}`, init);
  const { status, headers } = response;
  return [
    status,
    headers.get("content-type"),
    headers.get("x-content-type-options"),
    await response.text(),
  ];
}

describe("routes", () => {
  test("every method and no other", async () => {
    const api = apiHarness();
    for (const { name } of apiMethods)
      expect([name, (await api.post(`/api/${name}`, "{}"))[0]]).toEqual([name, 200]);
    for (const name of unavailableMethods) {
      expect([name, ...(await api.post(`/api/${name}`, "{}"))]).toEqual([
        name,
        404,
        "404 page not found\n",
      ]);
    }
  });

  test.each([
    "/api/",
    "/api/publish/",
    "/api/Publish",
    "/api/nothing",
    "/publish",
    "/",
    "/api/publish/x",
    "/apix",
    "/api/constructor",
  ])("%s is unknown, also without a key and to other verbs", async (path) => {
    const api = apiHarness();
    for (const method of ["POST", "GET", "OPTIONS"]) {
      expect(await fetchHead(api, path, { method })).toEqual([
        404,
        "text/plain; charset=utf-8",
        "nosniff",
        "404 page not found\n",
      ]);
    }
  });

  test.each(["//api/publish", "/api//publish", "///api///publish"])(
    "%s is collapsed",
    async (path) => {
      const api = apiHarness();
      expect(await api.post(path, { channel: "a", data: 1 })).toEqual([200, '{"result":{}}']);
    },
  );

  test.each(["/api", "/api/publish", "/api/batch", "/api/info"])(
    "%s: other verbs are 405 before the key is looked at",
    async (path) => {
      const api = apiHarness();
      for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        expect(await fetchHead(api, path, { method })).toEqual([405, null, null, ""]);
      }
    },
  );

  test("another prefix, or none", async () => {
    const internal = apiHarness({}, { prefix: "/internal/api" });
    expect((await internal.post("/internal/api/info", "{}"))[0]).toBe(200);
    expect((await internal.post("/api/info", "{}"))[0]).toBe(404);
    const bare = apiHarness({}, { prefix: "" });
    expect((await bare.post("/info", "{}"))[0]).toBe(200);
    expect(await bare.post("/", '{"method":"info"}')).toEqual([200, '{"result":{"nodes":[]}}']);
  });
});

describe("authentication", () => {
  test.each(["/api", "/api/publish", "/api/batch"])(
    "%s: 401 with an empty body, before the body is read",
    async (path) => {
      const api = apiHarness();
      expect(await fetchHead(api, path, { method: "POST", body: "{broken" })).toEqual([
        401,
        null,
        null,
        "",
      ]);
    },
  );

  test("headers and query reach the key check", async () => {
    const holderOf = createApiKeyCheck([["k1", "somebody"]]);
    const api = apiHarness(
      {},
      { checkApiKey: (headers, query) => holderOf(headers, query) !== undefined },
    );
    const statuses = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await api.app.request(`http://localhost${path}`, { method: "POST", body: "{}", headers }))
        .status;
    expect(await statuses("/api/info", { Authorization: "apikey k1" })).toBe(200);
    expect(await statuses("/api/info", { "X-API-Key": "k1" })).toBe(200);
    expect(await statuses("/api/info?api_key=k1", { "X-API-Key": "wrong" })).toBe(200);
    expect(await statuses("/api/info?a=b&api_key=%6b1", {})).toBe(200);
    expect(await statuses("/api/info?api_key=%", {})).toBe(401);
    expect(await statuses("/api/info", { "X-API-Key": "wrong", Authorization: "apikey k1" })).toBe(
      401,
    );
    expect(await statuses("/api/info", {})).toBe(401);
  });
});

describe("bodies", () => {
  test.each([
    ["empty", ""],
    ["white space", " \n"],
    ["an array", "[]"],
    ["an array of requests", '[{"channel":"a","data":1}]'],
    ["a string", '"{}"'],
    ["a number", "1"],
    ["cut off", '{"channel":'],
    ["followed by more", '{"channel":"a","data":1}{}'],
    ["followed by a comma", '{"channel":"a","data":1},'],
    ["a byte order mark", '\ufeff{"channel":"a","data":1}'],
    ["a comment", '{"channel":"a","data":1}//'],
    ["other white space", '\u00a0{"channel":"a","data":1}'],
    ["form encoded", "channel=a&data=1"],
    ["unquoted names", "{channel:1}"],
    ["very deep and open", "[".repeat(1_000_000)],
    ["NUL", "\0"],
  ])("%s: 400", async (_, body) => {
    const api = apiHarness();
    for (const path of ["/api/publish", "/api/batch"]) {
      expect(
        await fetchHead(api, path, { method: "POST", body, headers: { "X-API-Key": "k" } }),
      ).toEqual([400, "text/plain; charset=utf-8", "nosniff", "Bad Request\n"]);
    }
    expect(api.calls).toEqual([]);
  });

  test("Latin-1 does not break the request: U+FFFD stands for what is no UTF-8", async () => {
    const api = apiHarness();
    const latin1 = Buffer.from('{"channel":"caf\u00e9","data":{"x":"\u00e9"}}', "latin1");
    expect(await api.post("/api/publish", new Uint8Array(latin1))).toEqual([200, '{"result":{}}']);
    expect(api.calls[0]?.[1]).toMatchObject({ channel: "caf\ufffd", data: '{"x":"\ufffd"}' });
  });

  test.each([
    "application/x-www-form-urlencoded",
    "text/plain; charset=ISO-8859-1",
    "multipart/form-data; boundary=x",
    "nonsense",
  ])("Content-Type %s does not matter", async (type) => {
    const api = apiHarness();
    expect(
      await api.post("/api/publish", { channel: "é", data: 1 }, { "Content-Type": type }),
    ).toEqual([200, '{"result":{}}']);
    expect(api.calls[0]?.[1]).toMatchObject({ channel: "é" });
  });

  test("the limit is a byte count, and inclusive", async () => {
    const api = apiHarness({}, { maxBodyBytes: 40 });
    const body = (text: string): string => `{"channel":"a","data":"${text}"}`;
    const fitting = body("x".repeat(40 - body("").length));
    expect(fitting.length).toBe(40);
    expect((await api.post("/api/publish", fitting))[0]).toBe(200);
    expect(await api.post("/api/publish", `${fitting} `)).toEqual([
      413,
      "Request Entity Too Large\n",
    ]);
    expect(await api.post("/api/publish", body("é".repeat(7)))).toEqual([200, '{"result":{}}']);
    expect((await api.post("/api/publish", body("é".repeat(8))))[0]).toBe(413);
    expect(api.calls.length).toBe(2);
  });

  test("a declared length is believed when it is too long, and not when it is too short", async () => {
    const api = apiHarness({}, { maxBodyBytes: 40 });
    expect((await api.post("/api/info", "{}", { "Content-Length": "41" }))[0]).toBe(413);
    expect((await api.post("/api/info", `{}${" ".repeat(50)}`, { "Content-Length": "2" }))[0]).toBe(
      413,
    );
    expect(api.calls).toEqual([]);
  });

  test("a body that fails while it is read: 500", async () => {
    const api = apiHarness();
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    expect(
      await fetchHead(api, "/api/info", { method: "POST", body, headers: { "X-API-Key": "k" } }),
    ).toEqual([500, "text/plain; charset=utf-8", "nosniff", "Internal Server Error\n"]);
    expect(api.logged.map(({ level }) => level)).toEqual(["error"]);
  });
});

describe("API errors", () => {
  const failing = (error: Error): ReturnType<typeof apiHarness> =>
    apiHarness({
      presence: async () => {
        throw error;
      },
    });

  test("200 by default, a bare error with its status when asked for", async () => {
    const api = failing(new SwitchyardError("unknownChannel"));
    const transport = { "X-Centrifugo-Error-Mode": "transport" };
    expect(await api.post("/api/presence", { channel: "a" })).toEqual([200, unknownChannel]);
    expect(
      await api.post("/api/presence", { channel: "a" }, { "X-Centrifugo-Error-Mode": "Transport" }),
    ).toEqual([200, unknownChannel]);
    expect(await api.post("/api/presence", { channel: "a" }, transport)).toEqual([
      404,
      '{"code":102,"message":"unknown channel"}',
    ]);
    expect(
      await api.post("/api/batch", { commands: [{ presence: { channel: "a" } }] }, transport),
    ).toEqual([200, `{"replies":[${unknownChannel}]}`]);
    expect(
      await api.post("/api", { method: "presence", params: { channel: "a" } }, transport),
    ).toEqual([200, unknownChannel]);
  });

  test.each([
    ["internal", 100, "internal server error", 500],
    ["busUnavailable", 100, "internal server error", 500],
    ["nodeUnavailable", 100, "internal server error", 500],
    ["unknownChannel", 102, "unknown channel", 404],
    ["methodNotFound", 104, "not found", 404],
    ["badRequest", 107, "bad request", 400],
    ["notAvailable", 108, "not available", 400],
    ["unrecoverablePosition", 112, "unrecoverable position", 416],
    ["limitExceeded", 106, "limit exceeded", 500],
  ] as const)("%s", async (kind, code, message, status) => {
    const api = failing(new SwitchyardError(kind, { detail: "what was wrong" }));
    const error = JSON.stringify({ code, message });
    expect(await api.post("/api/presence", { channel: "a" })).toEqual([200, `{"error":${error}}`]);
    expect(
      await api.post("/api/presence", { channel: "a" }, { "X-Centrifugo-Error-Mode": "transport" }),
    ).toEqual([status, error]);
  });

  test("whatever is thrown becomes 100, goes to the log with the request's id, and does not leave the process", async () => {
    const cause = new Error("password=secret");
    const api = failing(cause);
    const headers = { "X-API-Key": "k", "X-Request-ID": "abc-1" };
    const response = await api.app.request("/api/presence", {
      method: "POST",
      body: '{"channel":"a"}',
      headers,
    });
    expect(await response.text()).toBe('{"error":{"code":100,"message":"internal server error"}}');
    expect(JSON.stringify([...response.headers])).not.toContain("secret");
    expect(api.logged).toEqual([
      {
        level: "error",
        fields: {
          requestId: "abc-1",
          method: "presence",
          code: 100,
          field: undefined,
          detail: "internal server error",
          cause,
        },
      },
    ]);
  });

  test("a header says in words what was wrong", async () => {
    const api = apiHarness();
    const detailOf = async (path: string, body: string): Promise<string | null> =>
      (
        await api.app.request(path, { method: "POST", body, headers: { "X-API-Key": "k" } })
      ).headers.get("x-error-detail");
    expect(await detailOf("/api/publish", '{"channel":"a"}')).toBe("data is missing");
    expect(await detailOf("/api/publish", '{"channel":5}')).toBe("channel must be a string");
    expect(await detailOf("/api/publish", '{"tags":{"é\\r\\nX: 1":5}}')).toBe(
      "tags.???X: 1 must be a string",
    );
    expect(await detailOf("/api/publish", `{"tags":{"${"x".repeat(1_000)}":5}}`)).toHaveLength(200);
    expect(await detailOf("/api/publish", '{"channel":"a","data":1}')).toBeNull();
  });
});

describe("request ids", () => {
  test.each([
    ["abc-123_4.5:6/7+8=", "abc-123_4.5:6/7+8="],
    ["x".repeat(128), "x".repeat(128)],
    ["x".repeat(129), "generated-id"],
    ["a b", "generated-id"],
    ["", "generated-id"],
  ])("%p becomes %p", async (given, expected) => {
    const api = apiHarness();
    for (const method of ["POST", "GET"]) {
      const headers = { "X-Request-ID": given };
      const response = await api.app.request("/api/info", { method, headers });
      expect(response.headers.get("x-request-id")).toBe(expected);
    }
  });
});

describe("while the server shuts down", () => {
  test("legacy 503, methods and batches error 100; nothing runs; refusals stay what they are", async () => {
    const api = apiHarness({}, { draining: () => true });
    const error = '{"error":{"code":100,"message":"internal server error"}}';
    expect(
      await fetchHead(api, "/api", {
        method: "POST",
        body: '{"method":"info"}',
        headers: { "X-API-Key": "k" },
      }),
    ).toEqual([503, null, null, ""]);
    expect(await api.post("/api/info", "{}")).toEqual([200, error]);
    expect(await api.post("/api/info", "{}", { "X-Centrifugo-Error-Mode": "transport" })).toEqual([
      500,
      '{"code":100,"message":"internal server error"}',
    ]);
    expect(await api.post("/api/batch", { commands: [{ info: {} }, { info: {} }] })).toEqual([
      200,
      `{"replies":[${error},${error}]}`,
    ]);
    expect((await api.post("/api/info", "{"))[0]).toBe(400);
    expect((await api.app.request("/api", { method: "POST", body: "{}" })).status).toBe(401);
    expect(api.calls).toEqual([]);
    expect(api.logged.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("what has begun is finished", async () => {
    let draining = false;
    const api = apiHarness(
      {
        info: async () => {
          draining = true;
          return [];
        },
      },
      { draining: () => draining },
    );
    expect(await api.post("/api/batch", { commands: [{ info: {} }, { channels: {} }] })).toEqual([
      200,
      '{"replies":[{"info":{"nodes":[]}},{"channels":{"channels":{}}}]}',
    ]);
  });
});
