import { expect, test } from "bun:test";
import { FakeClock, SeededRandom } from "@switchyard/testkit";
import type { Hono } from "hono";
import { decodeJwt, jwtVerify } from "jose";
import { parseConnectionClaims } from "../auth/token-claims.ts";
import { createOriginCheck } from "../config/origin-check.ts";
import { createDevPages } from "./dev-pages.ts";

const secret = "a secret of the tests, long enough";
const clock = new FakeClock();

function createPages(docsFolder = import.meta.dir): Hono {
  return createDevPages({
    token: { secret, audience: "pages", issuer: undefined },
    isOriginAllowed: createOriginCheck({ allowedOrigins: [] }),
    namespaces: ["chat", "<b>"],
    version: "1.2.3",
    clock,
    random: new SeededRandom(1),
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    docsFolder,
  });
}

async function askForToken(
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; answer: unknown }> {
  const response = await createPages().request("http://localhost:8000/dev/token", {
    method: "POST",
    headers: { Host: "localhost:8000", ...headers },
    body,
  });
  const answer: unknown = await response.json();
  return { status: response.status, answer };
}

test("a token is for the user that was asked for, is signed with the secret, and lasts ten minutes", async () => {
  const { status, answer } = await askForToken('{"user":"ann"}', {
    Origin: "http://localhost:8000",
  });
  expect(status).toBe(200);
  expect(answer).toEqual({ token: expect.any(String), user: "ann" });
  const { token } = answer as { readonly token: string }; // as just expected
  const now = Math.floor(clock.now() / 1_000);
  const key = new TextEncoder().encode(secret);
  const { payload } = await jwtVerify(token, key, { currentDate: new Date(clock.now()) });
  const { caps, ...rest } = payload;
  expect(rest).toEqual({ sub: "ann", iat: now, exp: now + 600, aud: "pages" });
  // All of the broker; channels as their namespaces have them.
  const claims = parseConnectionClaims(JSON.stringify({ caps }));
  if (!claims.ok) throw new Error(claims.reason);
  const capabilities = claims.claims.capabilities.map(({ kind, patterns, match, verbs }) => [
    kind,
    patterns,
    match,
    [...verbs].join(" "),
  ]);
  expect(capabilities).toEqual([
    ["exchanges", ["*"], "wildcard", "publish declare delete bind"],
    ["queues", ["*"], "wildcard", "publish declare delete bind consume purge"],
    ["channels", ["*"], "wildcard", "bind"],
  ]);
});

test.each(["", "{}"])("without a user it is for a random one (body %j)", async (body) => {
  const { status, answer } = await askForToken(body);
  expect(status).toBe(200);
  const { token, user } = answer as { readonly token: string; readonly user: string }; // as the status says
  expect(user).toMatch(/^[a-z]+-[a-z]+-\d{3}$/);
  expect(decodeJwt(token).sub).toBe(user);
});

test.each([
  { name: "a page of another host", headers: { Origin: "https://elsewhere.test" } },
  { name: "a page on another port", headers: { Origin: "http://localhost:3000" } },
  { name: "a page without an origin", headers: { Origin: "null" } },
  { name: "another site that sends no Origin", headers: { "Sec-Fetch-Site": "cross-site" } },
])("$name gets no token", async ({ headers }) => {
  expect(await askForToken('{"user":"ann"}', headers)).toEqual({
    status: 403,
    answer: { error: "tokens are for pages of this server" },
  });
});

test.each([
  "{",
  "[]",
  '{"user":1}',
  '{"user":""}',
  '{"user":"a b"}',
  `{"user":"${"a".repeat(65)}"}`,
  '{"name":"ann"}',
])("the body %s is refused", async (body) => {
  expect(await askForToken(body)).toEqual({
    status: 400,
    answer: { error: "user must be 1 to 64 letters, digits, _, ., -" },
  });
});

test("a large body is refused unread", async () => {
  expect((await askForToken(" ".repeat(2_000))).status).toBe(413);
});

test.each([
  ["/", "text/html; charset=utf-8"],
  ["/dev/page.js", "text/javascript; charset=utf-8"],
  ["/dev/page.css", "text/css; charset=utf-8"],
  ["/dev/icon.svg", "image/svg+xml"],
])("%s comes with headers that let nothing foreign run", async (path, contentType) => {
  const response = await createPages().request(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(contentType);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toContain("unsafe");
});

test("the page names no address but its own, runs nothing inline, and escapes what it is given", async () => {
  const pages = createPages();
  const html = await (await pages.request("/")).text();
  expect(html).toContain("1.2.3");
  expect(html).toContain('data-namespaces="chat &#60;b&#62;"');
  expect(html).not.toMatch(/<script(?![^>]*\ssrc="\/)|\son[a-z]+=|\sstyle=|https?:/i);
  const css = await (await pages.request("/dev/page.css")).text();
  expect(css).not.toMatch(/url\(|@import/);
});

test("Markdown files of the docs are linked by title and served as text; nothing else of the disk is", async () => {
  const docs = `${import.meta.dir}/../../../../docs`;
  const html = await (await createPages(docs).request("/")).text();
  expect(html).toContain('<a href="/dev/docs/first-page.md">The first page</a>');
  const page = await createPages(docs).request("/dev/docs/first-page.md");
  expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await page.text()).toStartWith("# The first page\n");
  for (const path of [
    "/dev/docs/missing.md",
    "/dev/docs/..%2Fpackage.json",
    "/dev/docs/..%2FREADME.md",
    "/dev/docs/images",
  ]) {
    expect((await createPages(docs).request(path)).status).toBe(404);
  }
  expect(await (await createPages("/nowhere").request("/")).text()).not.toContain("/dev/docs/");
});
