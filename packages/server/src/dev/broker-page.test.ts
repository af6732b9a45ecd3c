import { describe, expect, test } from "bun:test";
import { scriptedBroker } from "../api/v1/harness/scripted-broker.ts";
import { createBrokerPage } from "./broker-page.ts";

const { broker, calls } = scriptedBroker();
const page = createBrokerPage({
  broker,
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  random: { uuid: () => "generated-id" },
  draining: () => false,
  maxBodyBytes: 1_000,
  version: "1.2.3 <b>",
});

/** `request` is "POST /dev/v1/…". The answer's status and text. */
async function ask(
  request: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<readonly [status: number, text: string]> {
  const [method = "", path = ""] = request.split(" ");
  const response = await page.request(`http://localhost:8000${path}`, {
    method,
    headers: { Host: "localhost:8000", ...headers },
    ...(body !== undefined && { body }),
  });
  return [response.status, await response.text()];
}

const own = { Origin: "http://localhost:8000", "Sec-Fetch-Site": "same-origin" };
const json = { ...own, "Content-Type": "application/json" };

describe("/dev/v1 is /v1 without a key", () => {
  test("for pages of this server, and for programs of this machine", async () => {
    expect(await ask("GET /dev/v1/queues?api_key=x", { "Sec-Fetch-Site": "same-origin" })).toEqual([
      200,
      '{"queues":[]}',
    ]);
    expect(await ask("GET /dev/v1/bindings")).toEqual([200, '{"bindings":[]}']);
    calls.length = 0;
    const body = '{"key":"a/b","body":1}';
    expect(await ask("POST /dev/v1/exchanges/some%2Fone/publish", json, body)).toEqual([
      200,
      '{"id":"generated-0","routed":1}',
    ]);
    expect(calls).toMatchObject([
      ["publish", [{ exchange: "some/one", key: "a/b", body: "1" }], "key:broker-page"],
    ]);
  });

  test("as far as the page needs it: it consumes nothing, and finds nothing else", async () => {
    expect((await ask("POST /dev/v1/queues/q/pull", json, '{"max":1}'))[0]).toBe(403);
    expect((await ask("GET /dev/v1/nothing"))[0]).toBe(404);
    expect((await ask("GET /dev/v1/../api/info"))[0]).toBe(404);
    expect((await ask("POST /dev/v1/exchanges/e/publish", json, `"${"x".repeat(1_000)}"`))[0]).toBe(
      413,
    );
  });

  test.each([
    { name: "another host", headers: { Origin: "https://elsewhere.test" } },
    { name: "another port of this host", headers: { Origin: "http://localhost:3000" } },
    { name: "another port, told by the browser", headers: { "Sec-Fetch-Site": "same-site" } },
    { name: "another site that sends no Origin", headers: { "Sec-Fetch-Site": "cross-site" } },
    { name: "a link or the address bar", headers: { "Sec-Fetch-Site": "none" } },
    { name: "a page without an origin", headers: { Origin: "null" } },
  ])("not for $name", async ({ headers }) => {
    calls.length = 0;
    const refused = [403, '{"message":"only for pages of this server"}'] as const;
    expect(await ask("GET /dev/v1/queues", headers)).toEqual(refused);
    expect(await ask("PUT /dev/v1/queues/q", { ...json, ...headers }, "{}")).toEqual(refused);
    expect(await ask("OPTIONS /dev/v1/queues/q", headers)).toEqual(refused);
    expect(calls).toEqual([]);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", undefined])(
    "a body of type %p, which a form could send, is refused unread",
    async (type) => {
      calls.length = 0;
      const headers = { ...own, ...(type !== undefined && { "Content-Type": type }) };
      for (const request of ["POST /dev/v1/queues/q/purge", "DELETE /dev/v1/queues/q"])
        expect((await ask(request, headers, "{}"))[0]).toBe(415);
      expect(calls).toEqual([]);
    },
  );

  test("no answer lets another origin read it", async () => {
    for (const method of ["GET", "OPTIONS"]) {
      const response = await page.request("http://localhost:8000/dev/v1/queues", {
        method,
        headers: { Host: "localhost:8000" },
      });
      expect(response.headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect([...response.headers.keys()].filter((name) => name.startsWith("access-"))).toEqual([]);
    }
  });
});

test.each([
  ["/broker/", "text/html; charset=utf-8"],
  ["/dev/broker.js", "text/javascript; charset=utf-8"],
  ["/dev/broker.css", "text/css; charset=utf-8"],
])("%s comes with headers that let nothing foreign run", async (path, contentType) => {
  const response = await page.request(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(contentType);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toContain("unsafe");
});

test("the page runs nothing inline, names no address but its own, and escapes what it is given", async () => {
  expect((await page.request("/broker")).headers.get("location")).toBe("/broker/");
  const html = await (await page.request("/broker/")).text();
  expect(html).toContain("1.2.3 &#60;b&#62;");
  expect(html).not.toMatch(/<script(?![^>]*\ssrc="\/)|\son[a-z]+=|\sstyle=|https?:/i);
  const css = await (await page.request("/dev/broker.css")).text();
  expect(css).not.toMatch(/url\(|@import/);
});
