import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type RunningServer, startServer } from "@switchyard/testkit";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "./harness/launch-chromium.ts";

let server: RunningServer;
let browser: Browser;
const contexts: BrowserContext[] = [];
/** What any page has complained about: nothing should. */
let complaints: string[] = [];

beforeAll(async () => {
  server = await startServer();
  browser = await launchChromium();
});

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  const told = complaints;
  complaints = [];
  expect(told).toEqual([]);
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

async function visit(
  options: Parameters<Browser["newContext"]>[0] = {},
  url = server.url,
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_160, height: 900 }, ...options });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // Chromium tells of refused connections and of statuses above 399 itself; those are part of what is tested here.
    const text = message.text();
    if (message.type() === "error" && !/ERR_CONNECTION_REFUSED|server responded with/.test(text))
      complaints.push(text);
  });
  await page.goto(`${url}/broker/`);
  return page;
}

/** As a backend does, with the key. */
async function call(
  verb: string,
  path: string,
  body: unknown = {},
  to = server,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${to.url}/v1/${path}`, {
    method: verb,
    headers: { "X-API-Key": to.apiKey },
    ...(verb !== "GET" && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 300) throw new Error(`${verb} ${path}: ${response.status} ${text}`);
  return JSON.parse(text === "" ? "{}" : text) as Record<string, unknown>; // every answer of /v1 is an object
}

/** Takes messages out of a queue and rejects them. */
async function kill(queue: string, count: number): Promise<void> {
  const answer = await call("POST", `queues/${queue}/pull`, { max: count, wait_ms: 10_000 });
  const deliveries = answer["deliveries"] as readonly { readonly receipt: string }[]; // as the API says
  expect(deliveries.length).toBe(count);
  const receipts = deliveries.map(({ receipt }) => receipt);
  await call("POST", `queues/${queue}/nack`, { receipts, requeue: false });
}

const isLive = (page: Page): Promise<void> => page.locator("#reading[data-state=live]").waitFor();

/** Waits until the column of this queue says `text`. */
async function cell(page: Page, queue: string, label: string, text: string): Promise<void> {
  await page
    .locator(`.queue[data-queue="${queue}"] td[data-label="${label}"]`)
    .filter({ hasText: new RegExp(`^${text}$`) })
    .waitFor();
}

const node = (page: Page, label: string): ReturnType<Page["locator"]> =>
  page.locator(`#picture .node[aria-label^="${label}"]`);

test("a newcomer sets up the example, publishes, and sees the depth; what is shown is stale while the server is away", async () => {
  await using fresh = await startServer();
  const page = await visit({}, fresh.url);
  await isLive(page);
  await page.locator("#routes-blank", { hasText: "Nothing is declared yet." }).waitFor();
  await page.click("#example");
  await node(page, "Exchange orders").waitFor();
  expect(await page.locator("#routes-count").innerText()).toBe("6 exchanges, 3 bindings, 4 queues");
  expect(
    (await page.locator("#picture .key").allTextContents()).toSorted((a, b) => (a < b ? -1 : 1)),
  ).toEqual(["#", "order.*", "order.paid"]);

  await page.fill("#publish-key", "order.created");
  await page.fill("#publish-headers", '{"warehouse": "ams"}');
  await page.press("#publish-body", "ControlOrMeta+Enter");
  await page.locator("#publish-told", { hasText: "Confirmed, in 2 places." }).waitFor();
  await node(page, "Queue packing, ready 1").waitFor();
  await cell(page, "packing", "Ready", "1");
  await cell(page, "audit", "Ready", "1");
  await cell(page, "billing", "Ready", "0");
  await page.locator("#waiting", { hasText: "2" }).waitFor();
  // The published ones of one poll were a rate; of the next ones none are.
  await page.locator("#published", { hasText: /^0 \/s$/ }).waitFor();

  await fresh.kill();
  await page.locator("#reading[data-state=waiting]").waitFor();
  await page
    .locator("#reading-detail", { hasText: /^Last read \d+ s ago: the server does not answer/ })
    .waitFor();
  expect(await page.locator("#content.stale").count()).toBe(1);
  await page.click("#publish");
  await page.locator("#publish-problem", { hasText: "the server does not answer" }).waitFor();

  const port = new URL(fresh.url).port;
  await using again = await startServer({ dataDir: fresh.dataDir, args: ["--http-port", port] });
  expect(again.url).toBe(fresh.url);
  await isLive(page);
  await cell(page, "packing", "Ready", "1");
});

test("a queue is declared with its limits, and bound to a new exchange; what differs is told", async () => {
  const page = await visit();
  await page.fill("#declare-queue", "form.small");
  await page.click("#declare summary");
  await page.fill("#declare-max-length", "1");
  await page.selectOption("#declare-overflow", "dead-letter");
  await page.fill("#declare-exchange", "form.exchange");
  await page.selectOption("#declare-type", "direct");
  await page.fill("#declare-key", "a.key");
  await page.click("#declare-submit");
  await page
    .locator("#declare-told", { hasText: "form.small is there, bound to form.exchange." })
    .waitFor();
  await node(page, "Queue form.small").waitFor();
  expect(await page.locator('[data-queue="form.small"] .queue-marks').innerText()).toBe(
    "at most 1, then dead-letter",
  );
  expect(await call("GET", "bindings?exchange=form.exchange")).toMatchObject({
    bindings: [{ key: "a.key", destination: { type: "queue", name: "form.small" } }],
  });

  await page.fill("#declare-max-length", "2");
  await page.click("#declare-submit");
  await page.locator("#declare-problem", { hasText: "max_length" }).waitFor();
  await page.fill("#declare-queue", " ");
  await page.click("#declare-submit");
  await page.locator("#declare-problem", { hasText: "The queue needs a name." }).waitFor();
  expect(await page.locator("#declare-queue").getAttribute("aria-invalid")).toBe("true");

  await page.selectOption("#publish-exchange", "form.exchange");
  await page.fill("#publish-key", "another.key");
  await page.click("#publish");
  await page.locator("#publish-told", { hasText: "unroutable" }).waitFor();
  await page.fill("#publish-body", "{");
  await page.click("#publish");
  await page.locator("#publish-problem", { hasText: "Body: This is not JSON" }).waitFor();
});

test("dead letters show why they died; one is replayed, one discarded after a question, the rest replayed at a rate", async () => {
  await call("PUT", "queues/mortal");
  for (let number = 1; number <= 4; number += 1)
    await call("POST", "exchanges/amq.default/publish", { key: "mortal", body: { number } });
  await kill("mortal", 4);

  const page = await visit();
  const letters = page.locator("#messages .message", { has: page.getByText("mortal") });
  await letters.nth(3).waitFor();
  expect(await letters.locator(".reason").allInnerTexts()).toEqual(
    Array.from({ length: 4 }, () => "rejected"),
  );
  expect(await letters.locator(".message-summary .data").allInnerTexts()).toEqual(
    [1, 2, 3, 4].map((number) => JSON.stringify({ number })),
  );
  await letters.first().locator("summary").click();
  await letters.first().locator(".deaths", { hasText: "rejected in mortal, 1 time" }).waitFor();

  await letters.first().getByRole("button", { name: "Replay" }).click();
  await page.locator("#letters-told", { hasText: "1 message replayed." }).waitFor();
  await cell(page, "mortal", "Ready", "1");
  await letters.nth(3).waitFor({ state: "detached" });

  await letters.first().locator("input").check();
  await page.click("#discard");
  await page.locator("#question-text", { hasText: "Discard 1 dead letter" }).waitFor();
  await page.keyboard.press("Escape");
  expect(await letters.count()).toBe(3);
  await page.click("#discard");
  await page.click("#question-yes");
  await page.locator("#letters-told", { hasText: "1 message discarded." }).waitFor();
  await letters.nth(2).waitFor({ state: "detached" });

  await page.fill("#rate", "0");
  await page.click("#replay");
  await page.locator("#letters-problem", { hasText: "The rate must be" }).waitFor();
  await page.fill("#rate", "100");
  await page.check("#choose-all");
  await page.click("#replay");
  await page.locator("#letters-told", { hasText: "will be replayed, 100 a second." }).waitFor();
  await cell(page, "mortal", "Ready", "3");
  await page.locator("#messages-blank", { hasText: "No dead letters." }).waitFor();

  // What dies again keeps its history: the second time of the same reason is counted.
  await kill("mortal", 1);
  await page.locator("#messages .reason", { hasText: "rejected, 2 times" }).waitFor();
  await call("POST", "queues/switchyard.dead-letters/discard");
});

test("the picture is used by keyboard: a node lights its paths, and shows its queue's messages", async () => {
  await call("PUT", "exchanges/keys", { type: "fanout" });
  for (const queue of ["keys.a", "keys.b"]) {
    await call("PUT", `queues/${queue}`);
    await call("POST", "bindings", {
      exchange: "keys",
      destination: { type: "queue", name: queue },
    });
  }
  await call("POST", "exchanges/keys/publish", { body: "by keyboard" });
  const page = await visit();
  await node(page, "Queue keys.a, ready 1").focus();
  const lit = page.locator("#picture .node.lit");
  expect((await lit.locator(".node-name").allTextContents()).toSorted()).toEqual([
    "keys",
    "keys.a",
  ]);
  await page.keyboard.press("Enter");
  expect(await page.locator("#messages-queue").inputValue()).toBe("keys.a");
  await page.locator("#messages .message", { hasText: '"by keyboard"' }).waitFor();
  // Not a dead letter: there is nothing to replay.
  expect(await page.locator("#letter-actions").isVisible()).toBe(false);
  expect(await page.locator("#messages .message button").count()).toBe(0);

  await page.focus("#as-list");
  await page.keyboard.press("Enter");
  await page.fill("#route-search", "KEYS.B");
  expect(await page.locator("#route-list .route-to .route-name").allInnerTexts()).toEqual([
    "keys.b",
  ]);
});

test("what names, keys and bodies hold is text, and the page loads nothing from elsewhere", async () => {
  const markup = "<img src=https://elsewhere.test/x.png onerror=document.title='run'>";
  const name = encodeURIComponent(markup);
  await call("PUT", `queues/${name}`);
  await call("PUT", `exchanges/${name}`, { type: "direct" });
  await call("POST", "bindings", {
    exchange: markup,
    key: markup,
    destination: { type: "queue", name: markup },
  });
  await call("POST", `exchanges/${name}/publish`, {
    key: markup,
    headers: { [markup]: markup },
    body: markup,
  });
  const page = await visit();
  const requested: string[] = [];
  page.on("request", (request) => requested.push(new URL(request.url()).origin));
  await page.reload();
  await page.locator("#queue-rows", { hasText: "<img src=https" }).waitFor();
  await page.selectOption("#messages-queue", markup);
  await page.locator("#messages summary", { hasText: "<img src=https" }).click();
  await page
    .locator("#messages .message-inside dd", { hasText: "<img src=https" })
    .first()
    .waitFor();
  await page.click("#as-list");
  await page.locator("#route-list", { hasText: "<img src=https" }).waitFor();
  expect(await page.locator("main img").count()).toBe(0);
  expect([...new Set(requested)]).toEqual([new URL(server.url).origin]);
  expect(await page.title()).toBe("Broker · Switchyard");
  await call("DELETE", `queues/${name}`);
  await call("DELETE", `exchanges/${name}`);
});

test("more than 60 nodes are a list at first, and a picture when asked for", async () => {
  await call("PUT", "exchanges/many", { type: "topic" });
  for (let number = 0; number < 60; number += 1) {
    await call("PUT", `queues/many.${number}`);
    await call("POST", "bindings", {
      ...{ exchange: "many", key: `key.${number}` },
      destination: { type: "queue", name: `many.${number}` },
    });
  }
  const page = await visit();
  await page.locator("#route-list .route", { hasText: "many.59" }).waitFor();
  expect(await page.locator("#picture-frame").isVisible()).toBe(false);
  await page.click("#as-picture");
  await node(page, "Queue many.59").waitFor();
  for (let number = 0; number < 60; number += 1) await call("DELETE", `queues/many.${number}`);
  await call("DELETE", "exchanges/many");
});

test("nothing is read while the page is hidden", async () => {
  const page = await visit();
  await isLive(page);
  const hide = (isHidden: boolean): Promise<unknown> =>
    page.evaluate(
      `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });
       document.dispatchEvent(new Event("visibilitychange"))`,
    );
  await hide(true);
  await page.locator("#reading-label", { hasText: "Paused" }).waitFor();
  let asked = 0;
  page.on("request", () => (asked += 1));
  await page.locator("#reading-detail", { hasText: /^Last read [3-9] s ago/ }).waitFor();
  expect(asked).toBe(0);
  await hide(false);
  await isLive(page);
  expect(asked).toBeGreaterThan(0);
});

test("a server that refuses the page is shown as refusing", async () => {
  const page = await visit();
  await isLive(page);
  await page.route("**/dev/v1/**", (route) =>
    route.fulfill({ status: 403, json: { message: "only for pages of this server" } }),
  );
  await page.locator("#reading[data-state=refused]").waitFor();
  await page.reload();
  const refusal = "The server does not let this page in: only for pages of this server.";
  for (const blank of ["#routes-blank-text", "#queues-blank", "#messages-blank", "#reading-detail"])
    await page.locator(blank, { hasText: refusal }).waitFor();
});

test("it fits a small phone, and the first page is one step away", async () => {
  await call("PUT", `queues/${"phone.".repeat(20)}`, { max_length: 10, ttl_ms: 60_000 });
  await call("POST", "exchanges/amq.default/publish", {
    key: "phone.".repeat(20),
    body: "x".repeat(500),
  });
  const page = await visit({ viewport: { width: 360, height: 740 } });
  await isLive(page);
  await page.selectOption("#messages-queue", "phone.".repeat(20));
  await page.locator("#messages summary").click();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  await page.click("#as-picture");
  await page.locator("#picture .node").first().waitFor();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  await page.click("#to-first-page");
  await page.locator("#to-broker").click();
  await isLive(page);
});
